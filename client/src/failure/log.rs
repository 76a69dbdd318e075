//! What is wrong with a log, as a person can act on it.

use super::{Exit, Failure, failure};
use crate::log::Fault;
use crate::text::Text;

/// Why a log, or an exported one, does not verify.
#[must_use]
pub fn log_failure(fault: Fault, text: &Text) -> Failure {
    match fault {
        Fault::NotALog => failure!(text, Exit::Failed, "error-log-none"),
        Fault::Changed(n) => failure!(text, Exit::Suspicious, "error-log-changed", n = n),
        Fault::OutOfPlace(n) => failure!(text, Exit::Suspicious, "error-log-place", n = n),
        Fault::CutOff(n) => failure!(text, Exit::Suspicious, "error-log-cut", n = n),
        Fault::Contradiction => failure!(text, Exit::Suspicious, "error-log-contradiction"),
        Fault::Digest => failure!(text, Exit::Suspicious, "error-log-digest"),
        Fault::Another => failure!(text, Exit::Suspicious, "error-log-another"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;

    #[test]
    fn every_fault_of_a_log_says_what_to_do_in_both_languages() {
        let faults = [
            Fault::NotALog,
            Fault::Changed(7),
            Fault::OutOfPlace(7),
            Fault::CutOff(7),
            Fault::Contradiction,
            Fault::Digest,
            Fault::Another,
        ];
        for fault in faults {
            let [spanish, english] =
                Language::ALL.map(|language| log_failure(fault, &Text::new(language)));
            assert_eq!(spanish.exit() == Exit::Failed, fault == Fault::NotALog);
            assert_ne!(spanish.to_string(), english.to_string(), "{fault}");
            assert!(english.to_string().lines().count() >= 2, "{english}");
        }
    }
}
