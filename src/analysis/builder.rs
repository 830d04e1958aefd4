//! Builder methods that questions have in common.
//!
//! Owns: the macros that write them into the `impl` of a question, so that they are the same in each and say the
//! same.

/// `new`: the question of all events.
macro_rules! new_method {
    () => {
        /// Of all events, with the settings' defaults.
        #[must_use]
        pub fn new() -> Self {
            Self::default()
        }
    };
}

/// `filter`, of a question with that setting.
macro_rules! filter_method {
    () => {
        /// Only of events that also meet this filter.
        #[must_use]
        pub fn filter(mut self, filter: $crate::query::Filter) -> Self {
            self.filter = self.filter.and(filter);
            self
        }
    };
}

/// `limit`, of a question with that setting; the text says of what.
macro_rules! limit_method {
    ($text:literal) => {
        #[doc = $text]
        #[must_use]
        pub fn limit(mut self, limit: u64) -> Self {
            self.limit = limit;
            self
        }
    };
}

pub(super) use {filter_method, limit_method, new_method};
