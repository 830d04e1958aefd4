//! What is promised, and what is not.
//!
//! - **Durability.** With `Durability::Sync` an id is returned after the fsync that covers the event. With
//!   `Durability::Buffered` at most `max_delay` or `max_events` of the latest events are lost, and their ids
//!   are given again; of a call that fills the window and returns an id, nothing is lost, only what waited
//!   for other days. A disk that acknowledges a sync it has not done breaks either promise.
//! - **Batches.** The events of one `log_events` call that fall on one day are all logged or none is.
//! - **Ids.** Ordinals of a day are dense and are never reused once acknowledged. An erased event leaves
//!   a hole that stays a hole.
//! - **Erasure.** Once `erase_session` has returned a receipt that is verified, no byte of the store's files
//!   is the session's. Cut short at any moment, it is as if it had not been asked for, or it is ended when
//!   the store is opened; nothing else is lost. README lists what it does not reach.
//! - **Backup.** A file of a backup is whole or absent at any moment. Days are those of one snapshot,
//!   batches whole.
//! - **Failures.** After a failed write the store says `OutcomeUnknown`, once: the event may be there. Its
//!   `event_ids` say under which ids to look for them, with `Store::event`, once the store is open again. From
//!   then on that handle refuses to write (`Poisoned`), and goes on reading what was acknowledged. Free
//!   space below the floor is found before anything is written and breaks nothing.
//! - **Clocks.** Nothing is clamped. An event goes to the day its clock says, however far off, and
//!   order of arrival is kept in the ordinals. One jump of the clock never expires the store.
//! - **Readers.** A query sees one snapshot, of all days at one moment: with an event it sees what was there
//!   before it. It never waits for a commit. Readers in other processes see what is committed when they
//!   ask, one day after the other. A day that is dropped while a query runs is left out if the
//!   query has not come to it yet, and later events fill its limit; otherwise it is whole. Where another
//!   process, or a handle that was opened since, has dropped it and begun it again, it is read as it is now.
//! - **Subscriptions.** Every event that matches and is durable is delivered at least once, in order of arrival
//!   within its day, however late it comes; erased and dropped ones need not be. A subscription delivers none
//!   twice; one that goes on from a position repeats what came after it, and beyond that only what
//!   [`Subscription`](crate::Subscription) names. A reader may see a commit in the moment before its sync
//!   ends: should the power be cut then, that event never was, and its day is delivered again as it is.
//! - **Damage.** A flipped bit in a file of the store is an error that names the day when the bytes are
//!   read, or is never read at all: never another answer. `check` reads every byte. What is damaged
//!   does not keep the other days from being read and written. Every value is under a checksum that is
//!   verified when it is read: sections of a day's file and pages of postings under their own, batches,
//!   lists and entries of the catalog too, and the pages of redb's trees, which hold their keys, when the
//!   file is opened.
//! - **Gaps.** A question that touches a damaged or missing day is an error, unless it is asked with
//!   `Store::allow_gaps`: then the day is left out and listed. A damaged day that must take an event goes on
//!   after a gap: its files are set aside, and until a rebuild every question that touches the day is
//!   told. Ids are not given again: where the list of a day is lost too, and the catalog has no word of
//!   that very file, 2^28 ordinals are left out, and only a day that had more events than that unseen could
//!   repeat one; so it is with a file that is missing, which may have grown since the catalog was told. A log that is missing
//!   as a whole leaves no trace of what was not folded.
//! - **Salvage.** `rebuild` writes what can be read into a fresh file: each block whose checksums hold, and each
//!   batch, out of a log that redb does not open too. A batch there counts only where it fits what lies
//!   beside it, and of two that contradict each other neither does, since a page may be left from
//!   a write that never was. What is lost is counted; damaged files are kept.
//! - **Newer formats** are refused and not touched.
//! - **The system.** Too few file descriptors stop what needs one and nothing else; a store of 3,650 days
//!   with four open ones takes at most 24. On a read-only file system a store is read as it is found.
//! - **Memory.** An open day costs at most 4 MiB of rows in its tail, 4 MiB of unmerged postings, and redb's
//!   1 MiB; at most four days are open. The cache costs what it was given. A result costs a page of
//!   65,536 places and the blocks it is decoding. Counts by key and lists of sessions grow with the
//!   number of keys; the questions of `analysis` with sessions and tags, by as much as each says. The catalog keeps 4 bytes a session and day in memory,
//!   and of each day the names and totals of at most 256 types and 256 tags.
//! - **The service.** What `diurnal serve` answers with success is durable: nothing of it is lost when the service is
//!   killed, told to end, or its store fails. What it answers otherwise was not logged, unless the answer says that
//!   it may have been. A batch that is sent again with its key is not logged again. Slow, silent, dead and greedy clients
//!   do not keep others from being answered, and what is held for them is bounded. A client's address is not stored.
//!
//! # The tests that show it
//!
//! Each is run by `cargo test --all-features --test it NAME`; [`testing`](super::testing) tells how much they look at.
//!
//! - **Durability.**
//!   - `durability::killed_while_logging_a_store_has_all_that_it_acknowledged`
//!   - `crashes::a_store_that_others_read_survives_a_power_cut_at_any_operation`
//!   - `crashes::a_store_of_one_process_survives_a_power_cut_at_any_operation`
//!   - `crashes::a_buffered_store_loses_no_more_than_its_window_in_a_power_cut`
//!   - `durability::a_kill_loses_no_more_than_the_buffered_window`
//!   - `durability::a_call_that_fills_the_window_loses_only_what_waited_for_other_days`
//!   - `crashes::lies::a_card_that_lies_about_syncs_costs_events_and_makes_none_up`
//! - **Batches.**
//!   - `durability::a_batch_over_several_days_keeps_its_order_in_each`
//!   - `input::a_batch_with_one_bad_event_is_refused_whole_and_names_its_place`
//!   - `statemachine::a_store_on_a_disk_that_loses_power_lives_as_its_model_does`
//! - **Ids.**
//!   - `days::late_events_of_a_finished_day_get_the_next_ordinals`
//!   - `erase::ordinals_of_erased_events_are_not_given_again`
//!   - `erase::holes_stay_holes_when_a_day_goes_on_and_when_it_is_rebuilt`
//! - **Erasure.**
//!   - `erase::an_erased_session_is_in_no_byte_of_the_store`
//!   - `erase::an_erasure_that_is_cut_short_at_any_operation_is_ended_when_the_store_is_opened`
//!   - `erase::an_erasure_on_a_disk_that_fails_loses_nothing_else_and_is_ended_later`
//!   - `erase::files_that_cannot_be_cleaned_are_named`
//! - **Backup.**
//!   - `backup::a_backup_that_is_cut_short_at_any_operation_is_sound_and_finished_by_the_next`
//!   - `backup::a_backup_made_while_threads_log_has_each_batch_whole_and_none_before_its_elder`
//! - **Failures.**
//!   - `faults::a_store_that_others_read_loses_nothing_to_a_failing_disk`
//!   - `faults::a_store_of_one_process_loses_nothing_to_a_failing_disk`
//!   - `faults::a_full_disk_can_be_pruned_and_logged_to_again`
//! - **Clocks.**
//!   - `days::a_clock_that_jumps_loses_nothing`
//!   - `time::a_clock_at_any_end_of_time_hurts_nothing`
//!   - `days::one_jump_of_the_clock_never_expires_the_store`
//! - **Readers.**
//!   - `concurrency::a_look_at_several_days_is_of_one_moment`
//!   - `agreement::an_iterator_gives_what_was_there_when_it_was_asked_for`
//!   - `readers::a_reader_process_follows_a_writer_live`
//!   - `concurrency::a_reader_keeps_its_snapshot_while_its_days_are_dropped`
//!   - `concurrency::a_day_that_is_dropped_and_begun_again_before_a_query_comes_to_it_is_left_out`
//! - **Subscriptions.**
//!   - `subscribe::whatever_is_done_to_a_store_each_event_is_delivered_once_and_in_order_of_arrival`
//!   - `subscribe::late_events_of_days_that_a_position_does_not_list_are_delivered_after_it`
//!   - `subscribe::a_subscriber_follows_a_writer_process_that_is_killed_and_its_successor`
//!   - `subscribe::damage_is_told_once_and_what_a_rebuild_salvages_is_delivered`
//! - **Damage.**
//!   - `damage::damage_anywhere_is_told_and_costs_no_other_day`
//!   - `damage::a_flipped_bit_anywhere_in_a_tiny_days_file_is_told`
//!   - `damage::a_catalog_that_is_gone_or_damaged_is_made_again_with_the_same_answers`
//! - **Gaps.**
//!   - `damage::a_gap_is_remembered_until_a_rebuild_salvages_what_was_set_aside`
//!   - `damage::a_missing_day_is_told_and_goes_on_after_what_the_catalog_knows`
//!   - `damage::a_sealed_day_whose_list_is_damaged_goes_on_where_the_catalog_knows_it_to_end`
//!   - `damage::a_day_may_be_damaged_again_and_again`
//!   - `cli::gaps_are_allowed_and_named_where_that_is_asked_for`
//! - **Salvage.**
//!   - `damage::the_batches_of_a_log_that_redb_does_not_open_are_salvaged`
//!   - `damage::every_damaged_file_that_was_set_aside_is_kept`
//!   - `crashes::a_rebuild_that_is_cut_short_loses_nothing_that_could_be_read`
//!   - `crashes::gaps::damaged_days_that_go_on_and_are_rebuilt_survive_a_power_cut_at_any_operation`
//!   - `crashes::gaps::what_the_catalog_says_of_a_damaged_day_is_not_believed_of_a_rebuilt_one_of_that_length`
//! - **Newer formats.**
//!   - `formats::a_days_file_of_a_newer_version_is_refused_and_left_alone`
//!   - `formats::a_log_of_a_newer_version_is_refused`
//!   - `formats::a_catalog_of_a_newer_version_is_refused`
//!   - `formats::a_store_that_a_newer_version_has_written_is_not_written`
//! - **The system.**
//!   - `system::descriptors::many_days_and_four_open_ones_take_at_most_24_descriptors`
//!   - `system::descriptors::without_descriptors_nothing_is_lost_and_all_is_well_afterwards`
//!   - `system::a_read_only_disk_is_read_and_not_written`
//!   - `system::a_disk_that_becomes_read_only_refuses_and_goes_on_reading`
//! - **Memory.**
//!   - `hostile::a_day_of_very_many_sessions_is_found_in_within_bounded_memory`
//!   - `hostile::events_as_large_as_they_may_be_are_kept_within_bounded_memory`
//!   - `decade::a_decade_loses_nothing_but_what_expires_and_needs_no_more_than_a_year`
//! - **The service** (features `http` and `cli`).
//!   - `serve::a_kill_under_load_loses_nothing_acknowledged`
//!   - `serve::a_graceful_end_under_load_loses_nothing_acknowledged`
//!   - `http_server::a_store_that_fails_ends_the_service_with_its_reason_and_loses_nothing_acknowledged`
//!   - `http_server::a_call_that_is_given_up_while_it_is_logged_does_not_say_that_it_was_not`
//!   - `http_server::where_commits_are_held_up_what_does_not_fit_is_refused_and_the_rest_is_logged`
//!   - `http_server::slow_heads_and_slow_bodies_end_and_keep_nobody_waiting`
//!   - `http_server::a_reader_that_stops_is_let_go_and_keeps_nobody_waiting`
//!   - `http_server::a_client_that_dies_in_the_middle_harms_nobody`
//!   - `http_server::nothing_of_a_client_but_what_it_sends_is_kept`
