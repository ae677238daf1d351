//! `vendor-backend conform`: the conformance suite at a prompt, with people as the vendor's hands.

use std::path::PathBuf;
use std::time::Duration;

use uuid::Uuid;
use vendor::Clock;
use vendor::api::Order;
use vendor_backend::BackendError;
use vendor_backend::conform::{ConformOptions, Done, Hands, conform, students};

/// Examine a server.
#[derive(clap::Args)]
pub(crate) struct Conform {
    /// The server's address, as stations are given it; https, or http on this computer.
    #[arg(long)]
    url: String,
    /// The test students: one JSON object a line, as `demo-codes` prints them.
    #[arg(long)]
    people: PathBuf,
    /// A one-time activation code; up to four: first station, second one, one to be revoked, its way back.
    #[arg(long)]
    activation: Vec<String>,
    /// What the server's profile must be like: biyezhengzhao, yipai, binyu, or a profile file.
    #[arg(long)]
    profile: Option<String>,
    /// A POST to an order's payment address pays it, as at the reference backend.
    #[arg(long)]
    pay_by_post: bool,
    /// Nobody is there to pay, review or revoke: what needs them is skipped, unless the server does it by itself.
    #[arg(long)]
    unattended: bool,
    /// Seconds to wait for what the vendor's people do.
    #[arg(long, default_value_t = 300)]
    patience: u64,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Exit code 0 where no point failed.
pub(crate) async fn run(arguments: &Conform) -> Result<bool, BackendError> {
    let options = ConformOptions {
        url: arguments.url.clone(),
        activation: arguments.activation.clone(),
        profile: arguments.profile.as_deref().map(crate::profile).transpose()?,
        students: students(&arguments.people)?,
        patience: Duration::from_secs(arguments.patience),
        clock: Clock::system(),
    };
    let people = People {
        pay_by_post: arguments.pay_by_post,
        unattended: arguments.unattended,
    };
    let report = conform(&options, &people).await?;
    if arguments.json {
        let json = serde_json::to_string_pretty(&report).unwrap_or_default();
        crate::said(&format!("{json}\n"));
    } else {
        crate::said(&report.to_string());
    }
    Ok(report.conforms())
}

/// Whoever sits at the prompt.
struct People {
    pay_by_post: bool,
    unattended: bool,
}

impl People {
    fn asked(&self, what: &str) -> bool {
        if !self.unattended {
            eprintln!("{what}");
        }
        !self.unattended
    }
}

impl Hands for People {
    fn pay<'a>(&'a self, order: &'a Order) -> Done<'a> {
        Box::pin(async move {
            if !self.pay_by_post {
                return self.asked(&format!("请支付 / please pay: {}", order.payment_url));
            }
            let browser = reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build();
            let Ok(browser) = browser else { return false };
            browser.post(&order.payment_url).send().await.is_ok()
        })
    }

    fn review<'a>(&'a self, record_id: Uuid, shoot_number: &'a str, approve: bool) -> Done<'a> {
        let what = if approve {
            "请通过 / please approve"
        } else {
            "请驳回 / please reject"
        };
        Box::pin(async move { self.asked(&format!("{what}: {shoot_number} ({record_id})")) })
    }

    fn revoke<'a>(&'a self, station_id: &'a str) -> Done<'a> {
        Box::pin(async move {
            self.asked(&format!("请停用采集站 / please revoke the station: {station_id}"))
        })
    }
}
