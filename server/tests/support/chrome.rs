//! A real Chromium, driven over WebDriver through a `chromedriver` of its own, with a fresh profile.
#![allow(dead_code, reason = "each user of this file uses its own part")]

use fantoccini::{Client, ClientBuilder, Locator, error::CmdError};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long a condition may take to come true; far longer than it takes, for machines that do other things meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a page.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const MISSING: &str = "this test needs Chromium and its driver: apt-get install chromium chromium-driver";

/// Right edge in pixels of what the first chart has drawn in colour; axes and grid are grey. 0 before the first line.
pub const CURVE_EDGE: &str = "(() => {
    const canvas = document.querySelector('.panel .chart canvas');
    if (!canvas || canvas.width === 0) return 0;
    const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    for (let x = width - 1; x >= 0; x -= 1) {
        for (let y = 0; y < height; y += 1) {
            const [red, green, blue, alpha] = data.subarray(4 * (y * width + x), 4 * (y * width + x) + 4);
            if (alpha > 100 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) return x;
        }
    }
    return 0;
})()";

/// A browser with an empty profile. Dropping it ends it.
pub struct Browser {
    pub client: Client,
    driver: Child,
    driver_port: u16,
    session: String,
    /// Times [`Browser::click`] and [`Browser::press`] were used.
    pub clicks: usize,
    _profile: TempDir,
}

impl Browser {
    /// Opens a browser of 1400 by 900 CSS pixels.
    pub async fn open() -> Self {
        let (driver, driver_port) = start_driver();
        let profile = tempfile::tempdir().unwrap();
        let mut arguments: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--no-proxy-server",
            "--hide-scrollbars",
            "--window-size=1400,1000",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({
            "goog:chromeOptions": { "binary": find_chromium(), "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is written as an object above") };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let connected = builder.capabilities(capabilities).connect(&format!("http://127.0.0.1:{driver_port}")).await;
        let client = connected.unwrap_or_else(|error| panic!("{MISSING}\n{error}"));
        let session = client.session_id().await.unwrap().expect("a connected client has a session");
        let browser = Self { client, driver, driver_port, session, clicks: 0, _profile: profile };
        browser.resize(1400, 900).await;
        browser
    }

    /// Sets the size of the page in CSS pixels, below the narrowest window too.
    pub async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Sets the theme that the system asks for: `light` or `dark`.
    pub async fn prefer(&self, theme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Runs a script in every page from now on, before the page's own.
    pub async fn begin_pages_with(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// Makes every page from now on ready for [`Browser::violations`].
    pub async fn bring_axe(&self) {
        self.begin_pages_with(include_str!("../data/axe-core-4.14.1/axe.min.js")).await;
    }

    /// What axe finds wrong with the page for people who see, hear or move less than others: a rule and an element a line.
    pub async fn violations(&self) -> Vec<String> {
        let found = self
            .run_async(
                "// What sticks to the edge of the window covers whatever happens to be there.
                for (const element of document.querySelectorAll('*')) if (getComputedStyle(element).position === 'sticky') element.style.position = 'static';
                const { violations } = await axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } });
                return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary.replaceAll('\\n', ' ')}`));",
            )
            .await;
        found.as_array().expect("a list of violations").iter().map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A command of the DevTools protocol.
    pub async fn devtools(&self, command: &str, params: Value) -> Value {
        self.driver_post("goog/cdp/execute", json!({ "cmd": command, "params": params })).await
    }

    /// Presses the mouse at one place of the page, moves it to another and lets go; `modifiers` as DevTools counts them (8 is shift).
    pub async fn drag(&self, from: (f64, f64), to: (f64, f64), modifiers: u8) {
        for (kind, (x, y), buttons) in [("mouseMoved", from, 0), ("mousePressed", from, 1), ("mouseMoved", to, 1), ("mouseReleased", to, 0)]
        {
            self.mouse(kind, (x, y), buttons, 1, modifiers).await;
        }
    }

    /// Moves the mouse to a place of the page.
    pub async fn point_at(&self, place: (f64, f64)) {
        self.mouse("mouseMoved", place, 0, 0, 0).await;
    }

    /// Clicks twice at a place of the page.
    pub async fn double_click(&self, place: (f64, f64)) {
        for clicks in [1, 2] {
            self.mouse("mousePressed", place, 1, clicks, 0).await;
            self.mouse("mouseReleased", place, 0, clicks, 0).await;
        }
    }

    /// Puts fingers on the page, moves them in a few steps, and takes them away: each from one place to another.
    pub async fn fingers(&self, ways: &[((f64, f64), (f64, f64))]) {
        const STEPS: u32 = 5;
        let at = |part: f64| -> Vec<Value> {
            let place = |(id, ((x, y), (to_x, to_y))): (usize, &((f64, f64), (f64, f64)))| json!({ "x": x + part * (to_x - x), "y": y + part * (to_y - y), "id": id });
            ways.iter().enumerate().map(place).collect()
        };
        self.touch("touchStart", at(0.0)).await;
        for step in 1..=STEPS {
            self.touch("touchMove", at(f64::from(step) / f64::from(STEPS))).await;
        }
        self.touch("touchEnd", Vec::new()).await;
    }

    async fn touch(&self, kind: &str, points: Vec<Value>) {
        self.devtools("Input.dispatchTouchEvent", json!({ "type": kind, "touchPoints": points })).await;
    }

    async fn mouse(&self, kind: &str, (x, y): (f64, f64), buttons: u8, clicks: u8, modifiers: u8) {
        let button = if kind == "mouseMoved" && buttons == 0 { "none" } else { "left" };
        let event =
            json!({ "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": clicks, "modifiers": modifiers });
        self.devtools("Input.dispatchMouseEvent", event).await;
    }

    /// What the pages have written to the console, and what the browser has found wrong with them, since this was last asked.
    pub async fn console(&self) -> Vec<Value> {
        self.driver_post("se/log", json!({ "type": "browser" })).await.as_array().expect("a list of log entries").clone()
    }

    /// One of chromedriver's own calls, beyond what WebDriver defines.
    async fn driver_post(&self, path: &str, body: Value) -> Value {
        let url = format!("http://127.0.0.1:{}/session/{}/{path}", self.driver_port, self.session);
        let answer = super::support::client().post(url).json(&body).send().await.unwrap();
        let mut answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {}", answer["value"]);
        answer["value"].take()
    }

    /// Goes to an address.
    pub async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// The process of its driver, from which all its others come.
    pub fn driver_id(&self) -> u32 {
        self.driver.id()
    }

    /// Where the browser is.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.unwrap();
        url.path().to_owned()
    }

    /// The value of a JavaScript expression in the page.
    pub async fn eval(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        self.client.execute(&script, Vec::new()).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Runs the body of an asynchronous JavaScript function to its end.
    pub async fn run_async(&self, body: &str) -> Value {
        let script = format!("const done = arguments[arguments.length - 1]; (async () => {{ {body} }})().then(done);");
        self.client.execute_async(&script, Vec::new()).await.unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    /// Waits until a JavaScript expression is truthy, and returns its value.
    pub async fn wait(&self, expression: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            // A page that is just being left has no script context; the next one has.
            let value = self.client.execute(&format!("return ({expression});"), Vec::new()).await.unwrap_or(Value::Null);
            let is_truthy = match &value {
                Value::Null | Value::Bool(false) => false,
                Value::Number(number) => number.as_f64() != Some(0.0),
                Value::String(text) => !text.is_empty(),
                _ => true,
            };
            if is_truthy {
                return value;
            }
            if Instant::now() > until {
                let text = self.eval("document.body.innerText.slice(0, 2000)").await;
                panic!(
                    "this stayed false: {expression}\nat {:?}, console {:?}\n{text}",
                    self.client.current_url().await,
                    self.console().await
                );
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until a text stands in an element.
    pub async fn wait_text(&self, selector: &str, text: &str) {
        self.wait(&format!("[...document.querySelectorAll({selector:?})].some((found) => found.textContent.includes({text:?}))")).await;
    }

    /// Clicks the first element that matches, once it is there and enabled.
    pub async fn click(&mut self, selector: &str) {
        self.wait(&format!("document.querySelector({selector:?}) && !document.querySelector({selector:?}).disabled")).await;
        self.clicks += 1;
        self.client.find(Locator::Css(selector)).await.unwrap().click().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Clicks the button with this text below `within`, once it is there and enabled.
    pub async fn press(&mut self, within: &str, label: &str) {
        let path = format!("//*[{}]//button[normalize-space(.)={label:?} and not(@disabled)]", of_class_or_tag(within));
        self.client.wait().at_most(PATIENCE).for_element(Locator::XPath(&path)).await.unwrap_or_else(|error| panic!("{label}: {error}"));
        self.clicks += 1;
        self.client.find(Locator::XPath(&path)).await.unwrap().click().await.unwrap_or_else(|error| panic!("{label}: {error}"));
    }

    /// Replaces what stands in a field by typing: once more where the page drew the field anew meanwhile, so that something else stands in it.
    pub async fn fill(&self, selector: &str, text: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            self.wait(&format!("document.querySelector({selector:?})")).await;
            if self.type_over(selector, text).await.is_ok() {
                let value = self.eval(&format!("document.querySelector({selector:?})?.value")).await;
                if value == text {
                    return;
                }
                assert!(Instant::now() < until, "{selector}: {text:?} was typed, and {value} stands there");
            }
            assert!(Instant::now() < until, "{selector} is drawn anew again and again");
        }
    }

    /// Empties a field and types; an error where the field is taken away meanwhile.
    async fn type_over(&self, selector: &str, text: &str) -> Result<(), CmdError> {
        let field = self.client.find(Locator::Css(selector)).await?;
        field.clear().await?;
        field.send_keys(text).await
    }

    /// A picture of what can be seen, as PNG.
    pub async fn screenshot(&self) -> Vec<u8> {
        self.client.screenshot().await.unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Only an ended session takes its Chromium with it; a test that fails has no time for more than this.
        if let Ok(mut socket) = TcpStream::connect(("127.0.0.1", self.driver_port)) {
            let _ = socket.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = write!(socket, "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", self.session);
            let _ = socket.read(&mut [0; 64]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A condition of XPath for a tag (`dialog`) or a class (`.run-actions`).
fn of_class_or_tag(within: &str) -> String {
    match within.strip_prefix('.') {
        Some(class) => format!("contains(concat(' ', normalize-space(@class), ' '), ' {class} ')"),
        None => format!("self::{within}"),
    }
}

fn find_chromium() -> PathBuf {
    let folders = env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let candidates = env::split_paths(&folders).flat_map(|folder| names.map(|name| folder.join(name)));
    candidates.into_iter().find(|path| path.is_file()).expect(MISSING)
}

/// Starts chromedriver and waits until it says on which port.
fn start_driver() -> (Child, u16) {
    let started = Command::new("chromedriver").arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut driver = started.unwrap_or_else(|error| panic!("{MISSING}\nchromedriver: {error}"));
    let mut lines = BufReader::new(driver.stdout.take().expect("its output is piped")).lines();
    let port = loop {
        let line = lines.next().expect("chromedriver ended before it named its port").unwrap();
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            break port.trim_end_matches('.').parse().expect("a port");
        }
    };
    // Nobody reads on; a full pipe would stop the driver.
    std::thread::spawn(move || lines.for_each(drop));
    (driver, port)
}
