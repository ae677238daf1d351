//! A person before the window: what they read, touch and type.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, Locator};
use serde_json::json;
use vendor_backend::DemoPerson;

use crate::driven::{PATIENCE, PIN};
use crate::screen::Screen;

/// The window under WebDriver.
pub(crate) struct Window {
    pub(crate) client: Client,
    screen: Screen,
    shots: Option<PathBuf>,
    taken: u32,
}

fn id(name: &str) -> String {
    format!("[data-testid=\"{name}\"]")
}

impl Window {
    /// With `PHOTO_STATION_SHOTS=DIR` it leaves pictures there.
    pub(crate) fn of(client: Client, frame: &Path) -> Window {
        Window {
            client,
            screen: Screen::in_folder(frame),
            shots: std::env::var_os("PHOTO_STATION_SHOTS").map(PathBuf::from),
            taken: 0,
        }
    }

    pub(crate) async fn page(&self) -> Option<String> {
        let booth = self.client.find(Locator::Css(&id("booth"))).await.ok()?;
        booth.attr("data-page").await.ok().flatten()
    }

    /// Waits until another page than `left` stands there.
    pub(crate) async fn next_after(&mut self, left: &str) -> String {
        let since = Instant::now();
        loop {
            if let Some(page) = self.page().await
                && page != left
                && !page.is_empty()
            {
                return page;
            }
            assert!(
                since.elapsed() < PATIENCE,
                "the window stands still on the page {left:?}: {}",
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn text(&self) -> String {
        match self.client.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    /// The element of this name; a page may still be gliding in.
    pub(crate) async fn element(&self, name: &str) -> Element {
        let found = self
            .client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(&id(name)))
            .await;
        match found {
            Ok(element) => element,
            Err(error) => panic!("no {name}: {error}\n{}", self.text().await),
        }
    }

    /// What stands there once it can be seen.
    pub(crate) async fn words(&self, name: &str) -> String {
        let since = Instant::now();
        loop {
            let words = self.element(name).await.text().await.unwrap_or_default();
            if !words.trim().is_empty() {
                return words;
            }
            assert!(since.elapsed() < PATIENCE, "{name} says nothing");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn click(&self, name: &str) {
        let since = Instant::now();
        let page = self.page().await;
        // A person would touch again, too; but not where the page has gone on while the driver still looked at it.
        while let Err(error) = self.element(name).await.click().await {
            if self.page().await != page {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{name} cannot be touched: {error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn types(&self, name: &str, text: &str) {
        self.element(name).await.send_keys(text).await.unwrap();
    }

    /// Keys as a quick scanner presses them, to nothing on the page, and Enter. They go to the window as one piece: on a
    /// machine with much else to do, keys sent one by one come as slowly as a hand's.
    pub(crate) async fn keys(&self, text: &str) {
        let page = self.client.find(Locator::Css("body")).await.unwrap();
        page.send_keys(&format!("{text}{}", char::from(Key::Enter)))
            .await
            .unwrap();
    }

    /// A key as a finger presses it, to nothing on the page; the page has taken it when this returns.
    pub(crate) async fn press(&self, key: &str) {
        let actions = key
            .chars()
            .fold(KeyActions::new("finger".to_owned()), |keys, value| {
                keys.then(KeyAction::Down { value })
                    .then(KeyAction::Up { value })
                    // Longer than a scanner pauses: a letter is a letter.
                    .then(KeyAction::Pause {
                        duration: Duration::from_millis(400),
                    })
            });
        self.client.perform_actions(actions).await.unwrap();
    }

    /// Enter, as a finger presses it.
    pub(crate) async fn press_enter(&self) {
        self.press(&char::from(Key::Enter).to_string()).await;
    }

    /// What an element says of itself, if it is there.
    pub(crate) async fn attr(&self, name: &str, attribute: &str) -> Option<String> {
        let element = self.client.find(Locator::Css(&id(name))).await.ok()?;
        element.attr(attribute).await.ok().flatten()
    }

    pub(crate) async fn is_there(&self, name: &str) -> bool {
        self.client.find(Locator::Css(&id(name))).await.is_ok()
    }

    /// A code as a hand-held scanner types it; where it is not taken one scans again.
    pub(crate) async fn scans(&self, code: &str) {
        let since = Instant::now();
        while self.page().await.as_deref() == Some("scan") {
            assert!(since.elapsed() < PATIENCE, "the scanner's keys are not taken");
            self.keys(code).await;
            let typed = Instant::now();
            while typed.elapsed() < Duration::from_secs(2) && self.page().await.as_deref() == Some("scan") {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// A person types on a page that has come to rest, not on the one that is just being turned.
    async fn until_turned(&self) {
        let since = Instant::now();
        let turning = Locator::Css(".turn-enter-active, .turn-leave-active");
        while self.client.find(turning).await.is_ok() {
            assert!(since.elapsed() < PATIENCE, "the page turns for ever");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn proves(&self, last_four: &str) {
        self.until_turned().await;
        for key in last_four.chars() {
            self.click(&format!("key-{key}")).await;
        }
        self.click("prove-submit").await;
    }

    /// Waits until an element says this of itself.
    pub(crate) async fn until_it_says(&self, name: &str, attribute: &str, value: &str) {
        let since = Instant::now();
        loop {
            let says = self.attr(name, attribute).await;
            if says.as_deref() == Some(value) {
                return;
            }
            assert!(
                since.elapsed() < PATIENCE,
                "{name} says {says:?}, not {value}: {}",
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until what a student reads holds all of these.
    pub(crate) async fn tells(&self, name: &str, words: &[&str]) {
        let since = Instant::now();
        loop {
            let told = self.words(name).await;
            let Some(missing) = words.iter().find(|word| !told.contains(**word)) else {
                return;
            };
            assert!(since.elapsed() < PATIENCE, "no {missing} in {told}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn finds_the_school(&self, student: &DemoPerson) {
        self.searches_the_school(student).await;
        self.click("school").await;
    }

    pub(crate) async fn searches_the_school(&self, student: &DemoPerson) {
        self.types("field-school", &student.record().school).await;
        let field = self.client.active_element().await.unwrap();
        field.send_keys(&Key::Tab.to_string()).await.unwrap();
        self.click(&format!("level-{}", student.record().level)).await;
        self.click("search-school").await;
    }

    /// Waits until the scan page says this of what the camera sees.
    pub(crate) async fn sees(&self, sight: &str) {
        let hint = format!("[data-testid=\"scan-hint\"][data-sight=\"{sight}\"]");
        let found = self.client.wait().at_most(PATIENCE);
        if let Err(error) = found.for_element(Locator::Css(&hint)).await {
            panic!("{sight} is not seen: {error}\n{}", self.text().await);
        }
    }

    pub(crate) async fn until_page(&self, page: &str) {
        let since = Instant::now();
        while self.page().await.as_deref() != Some(page) {
            assert!(
                since.elapsed() < PATIENCE,
                "no page {page}: {}",
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The staff pages are opened by their PIN.
    pub(crate) async fn staff_come(&self) {
        let logo = self.element("logo").await;
        for _ in 0..5 {
            logo.click().await.unwrap();
        }
        for key in PIN.chars() {
            self.click(&format!("key-{key}")).await;
        }
        self.click("pin-enter").await;
    }

    /// Hands a picture in as the staff's button does, and says what the station said: what it sees, or its refusal.
    pub(crate) async fn scan_picture(&self, file: &[u8]) -> Result<String, String> {
        let ask = "const [file, done] = arguments;
            window.__TAURI_INTERNALS__.invoke('scan_picture', { file })
                .then(sight => done({ sight }), refused => done({ refused: refused.code ?? String(refused) }))";
        let answer = self.client.execute_async(ask, vec![json!(file)]).await.unwrap();
        match answer["sight"].as_str() {
            Some(sight) => Ok(sight.to_owned()),
            None => Err(answer["refused"].as_str().unwrap_or_default().to_owned()),
        }
    }

    /// What a telephone held before the screen reads.
    pub(crate) async fn payment_address(&self) -> String {
        self.element("pay-qr").await;
        let since = Instant::now();
        loop {
            if let Some(code) = self.code_on_the_screen() {
                return String::from_utf8(code).unwrap();
            }
            assert!(
                since.elapsed() < PATIENCE,
                "no payment code can be read: {}",
                self.text().await
            );
        }
    }

    /// The code that stands on the screen, if there is one.
    pub(crate) fn code_on_the_screen(&self) -> Option<Vec<u8>> {
        let screen = image::DynamicImage::from(self.screen.picture()).into_luma8();
        let found = code::Reader::new().read(&screen);
        Some(found.first()?.text.expose().to_vec())
    }

    /// Remembers from here on whatever the content security policy refuses.
    pub(crate) async fn watch_the_policy(&self) {
        let watch = "window.refused = []; document.addEventListener('securitypolicyviolation', \
                     event => window.refused.push(event.effectiveDirective + ' ' + event.blockedURI))";
        self.client.execute(watch, Vec::new()).await.unwrap();
    }

    pub(crate) async fn refused_by_the_policy(&self) -> Vec<String> {
        let refused = self.client.execute("return window.refused", Vec::new()).await;
        serde_json::from_value(refused.unwrap()).unwrap()
    }

    pub(crate) async fn shot(&mut self, page: &str) {
        let Some(folder) = &self.shots else { return };
        // The page has glided in, motion and pictures have settled.
        let stands = id(&format!("page-{page}"));
        let _ = self
            .client
            .wait()
            .at_most(Duration::from_secs(10))
            .for_element(Locator::Css(&stands))
            .await;
        tokio::time::sleep(Duration::from_millis(1200)).await;
        self.taken += 1;
        std::fs::create_dir_all(folder).unwrap();
        let file = folder.join(format!("{:02}-{page}.png", self.taken));
        self.screen.picture().save(file).unwrap();
    }
}
