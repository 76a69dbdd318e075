//! What the terminal shows and asks. Everything written by other people passes through [`clean`] or
//! [`clean_block`] before it is shown.

mod ask;
mod clean;
mod clock;
mod mode;
mod qr;
mod short;
mod table;

pub use self::ask::{Asker, Reply, asker};
pub use self::clean::{clean, clean_block, is_hidden};
pub use self::clock::{Clock, span};
pub use self::mode::Mode;
pub use self::qr::{Ground, TooLong, qr};
pub use self::short::short_id;
pub use self::table::table;
