//! `print-test`: does paper come out of the printer, and is a millimetre a millimetre on it.

use printing::Step;
use serde_json::json;
use station::{Config, printout};

use crate::output::{Output, Verdict};
use crate::runtime;

pub(crate) fn test(out: Output, mut config: Config, named: Option<String>) -> Result<Verdict, Verdict> {
    if let Some(name) = named {
        config.printer = name;
    }
    if config.printer.is_empty() {
        out.say("no printer: give --printer NAME, or set printer in station.toml");
        return Err(Verdict::Usage);
    }
    let tell = |step| match step {
        Step::Printing => out.say("printing · 正在打印"),
        Step::Waiting(trouble) => {
            let [zh, en, todo_zh, todo_en] = printout::in_words(trouble);
            out.say(&format!("{zh} · {en}\n    → {todo_zh} · {todo_en}"));
        }
    };
    let printed = runtime(out)?.block_on(printout::test_page(&config, &tell));
    match printed {
        Ok(()) => {
            out.result(
                &json!({ "printer": config.printer, "printed": true }),
                "✓ 已打印 · printed",
            );
            Ok(Verdict::Accepted)
        }
        Err(trouble) => {
            let [zh, en, todo_zh, todo_en] = printout::in_words(trouble);
            out.result(
                &json!({ "printer": config.printer, "printed": false, "why": trouble.code() }),
                &format!("✗ {zh} · {en}\n    → {todo_zh} · {todo_en}"),
            );
            Ok(Verdict::Refused)
        }
    }
}
