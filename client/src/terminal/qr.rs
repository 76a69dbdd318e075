//! QR codes in the terminal.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code, on every side; the standard asks for four.
const QUIET: usize = 4;
/// Black on white whatever the terminal's own colours are, from the fixed part of the 256-colour table.
const BLACK_ON_WHITE: &str = "\u{1b}[38;5;16;48;5;231m";
const RESET: &str = "\u{1b}[0m";

/// What the code is drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// A terminal that understands colours: black on white.
    Colour,
    /// A terminal with light letters on a dark ground, or a file: the blocks are the light modules.
    Dark,
}

/// The text does not fit into a QR code (about 2900 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text does not fit into a qr code")]
pub struct TooLong;

/// Draws `text` with two modules per character, upper and lower half. Ends with a line break.
///
/// # Errors
/// [`TooLong`].
pub fn qr(text: &str, ground: Ground) -> Result<String, TooLong> {
    // A screen is clean and near: the lowest level gives the largest modules.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(|_| TooLong)?;
    let colors = code.to_colors();
    let side = code.width();
    let dark = |x: usize, y: usize| {
        let (Some(x), Some(y)) = (x.checked_sub(QUIET), y.checked_sub(QUIET)) else { return false };
        x < side && y < side && colors.get(y * side + x) == Some(&Color::Dark)
    };
    let full = side + 2 * QUIET;
    let mut drawn = String::new();
    for y in (0..full).step_by(2) {
        if ground == Ground::Colour {
            drawn.push_str(BLACK_ON_WHITE);
        }
        for x in 0..full {
            let ink = |y| dark(x, y) == (ground == Ground::Colour) && y < full;
            drawn.push(match (ink(y), ink(y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        if ground == Ground::Colour {
            drawn.push_str(RESET);
        }
        drawn.push('\n');
    }
    Ok(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As long as a usual invitation: relay address, pin and seed.
    const LINK: &str = "velar-join://relay.example.org:443#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

    /// Which modules are inked, row by row, two rows per line.
    fn read(drawn: &str) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in drawn.lines() {
            let line = line.trim_start_matches(BLACK_ON_WHITE).trim_end_matches(RESET);
            rows.push(line.chars().map(|c| matches!(c, '█' | '▀')).collect());
            rows.push(line.chars().map(|c| matches!(c, '█' | '▄')).collect());
        }
        rows
    }

    #[test]
    fn the_drawing_holds_every_module_and_a_quiet_zone() {
        let code = QrCode::with_error_correction_level(LINK, EcLevel::L).unwrap();
        let side = code.width();
        for ground in [Ground::Colour, Ground::Dark] {
            let rows = read(&qr(LINK, ground).unwrap());
            assert!(rows.iter().all(|row| row.len() == side + 2 * QUIET));
            for (y, row) in rows.iter().enumerate().take(side + 2 * QUIET) {
                for (x, ink) in row.iter().enumerate() {
                    let inside =
                        (QUIET..QUIET + side).contains(&x) && (QUIET..QUIET + side).contains(&y);
                    let dark = inside && code[(x - QUIET, y - QUIET)] == Color::Dark;
                    assert_eq!(*ink, dark == (ground == Ground::Colour), "{ground:?} {x} {y}");
                }
            }
        }
    }

    #[test]
    fn an_invitation_fits_on_a_small_terminal() {
        let drawn = qr(LINK, Ground::Dark).unwrap();
        assert!(
            drawn.lines().count() <= 25 && drawn.lines().all(|line| line.chars().count() <= 80)
        );
    }

    #[test]
    fn a_text_that_does_not_fit_is_refused() {
        assert_eq!(qr(&"x".repeat(4_000), Ground::Dark), Err(TooLong));
    }
}
