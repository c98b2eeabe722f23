//! What a journal says that people told a run: whatever it says, it is obeyed as that or not at all.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pairloom_core::live::LiveCommand;

fuzz_target!(|text: &str| {
    if let Some(command) = LiveCommand::parse(text) {
        let Some(kept) = command.text() else { return };
        let again = LiveCommand::parse(&kept).and_then(|command| command.text());
        assert_eq!(again.as_ref(), Some(&kept), "{text:?}");
    }
});
