//! What later versions say in an alarm.

use proptest::prelude::*;

use super::*;
use crate::circle::extensions::tests::extensions;

fn grown(extensions: Extensions) -> Heard {
    let plain = EventKind::raised(Reason::Panic, id(DEFENDER), false, String::from("help"));
    let EventKind::Raised { reason, subject, drill, text, .. } = plain else { unreachable!() };
    first(DEFENDER, T, EventKind::Raised { reason, subject, drill, text, extensions })
}

proptest! {
    #[test]
    fn an_alarm_rings_whatever_later_versions_say_in_it_and_is_passed_on_as_it_was(
        extensions in extensions(),
    ) {
        let alarm = grown(extensions.clone());
        let plain = panic();
        let alert = fold(&[&alarm], T);
        prop_assert_eq!(&alert.reasons, &fold(&[&plain], T).reasons);
        // What is left out on the way makes another event, beside it.
        prop_assert_eq!(alarm.event.id() == plain.event.id(), extensions.is_empty());

        let passed: AlertEvent =
            encoding::from_bytes(&encoding::to_bytes(&alarm.event).unwrap()).unwrap();
        prop_assert_eq!(passed.id(), alarm.event.id());
        let hearsay = Heard::new(passed, id(LUZ), T + 9).unwrap();
        prop_assert_eq!(alarm.clone().merge(&hearsay), alarm);
    }
}
