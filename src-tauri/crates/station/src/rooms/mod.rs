//! What the staff's rooms beside the queue show: the day, whom to call back, one record point by point, the folders of
//! this computer, the set-up, how the station is just now.

pub mod callback;
pub mod day;
pub mod live;
pub mod places;
pub mod record;
pub mod settings;
