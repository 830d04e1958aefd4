//! An event as a day keeps it before it has a number.
//!
//! Owns: [`Row`]. Does not own its bytes (`columns`), nor the rules it keeps (`event`).

use crate::event::Location;
use crate::time::Timestamp;

/// An event that passed its checks and has its server time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) session_id: String,
    pub(crate) event_type: String,
    pub(crate) server_time: Timestamp,
    pub(crate) client_time: Option<String>,
    pub(crate) location: Option<Location>,
    pub(crate) tags: Vec<String>,
    pub(crate) data: Option<String>,
}

impl Row {
    /// About what it costs in memory.
    pub(crate) fn bytes(&self) -> usize {
        const STRING: usize = size_of::<String>();
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let tags = self.tags.iter().map(|tag| tag.len() + STRING).sum::<usize>();
        size_of::<Self>()
            + self.session_id.len()
            + self.event_type.len()
            + optional(&self.client_time)
            + optional(&self.data)
            + tags
    }
}
