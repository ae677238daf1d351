//! The live half: one hint at a time while the student sits down, and the cut the photo would have now.
//!
//! Most frames cost one look of the mesh; the eyes, the detector and the light meter take turns beside it, and on one
//! frame of eight the segmenter looks instead of it, so that no frame is late. What is said must
//! not flicker: a hint appears only after it was right for some frames, and stays until its cause is gone by a margin.

use image::{RgbImage, imageops};
use serde::{Deserialize, Serialize};

use crate::checks;
use crate::compose::resized_linear;
use crate::geometry::{Capture, Head, Obstacle, place};
use crate::meter::LightReading;
use crate::photometry::{FaceLight, face_light};
use crate::spec::Spec;
use crate::standardize::crown;
use crate::vision::{Area, Mesh, Models, Pace};

/// Frames a new hint must last before it is shown.
const PATIENCE: u32 = 4;
/// Frames without a fault before the shutter may go.
const STEADY: u32 = 5;
/// Who looks besides the mesh, frame by frame, over and over. Lids move fastest; hair does not grow.
const TURNS: [Turn; 8] = [
    Turn::Eyes,
    Turn::Crown,
    Turn::Eyes,
    Turn::Light,
    Turn::Eyes,
    Turn::Faces,
    Turn::Eyes,
    Turn::Light,
];
/// Movement of the eyes between frames, in inter-eye distances, beyond which a shot would be blurred.
const MOVING: f32 = 0.035;
/// A typical crown above the eyes, in inter-eye distances, until the segmenter has looked.
const TYPICAL_CROWN: f64 = 1.95;

/// What the student should do; one at a time. Directions are those of the unmirrored frame: in a mirrored preview
/// `Left` is the screen's right, which is the student's own right hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hint {
    /// Nobody is there.
    NoFace,
    /// Others must leave the frame.
    SeveralFaces,
    /// Come closer.
    Closer,
    /// Move back.
    Further,
    /// Move towards the frame's left.
    Left,
    /// Move towards the frame's right.
    Right,
    /// Sit higher.
    Up,
    /// Sit lower.
    Down,
    /// Tilt the head towards the frame's left.
    TiltLeft,
    /// Tilt the head towards the frame's right.
    TiltRight,
    /// Turn the face towards the frame's left.
    TurnLeft,
    /// Turn the face towards the frame's right.
    TurnRight,
    /// Raise the chin.
    ChinUp,
    /// Lower the chin.
    ChinDown,
    /// More light.
    TooDark,
    /// Less light.
    TooBright,
    /// One half of the face is in shadow.
    UnevenLight,
    /// Open the eyes.
    OpenEyes,
    /// Close the mouth.
    CloseMouth,
    /// The frame is blurred.
    Blurred,
    /// Do not move.
    HoldStill,
    /// All is well.
    Good,
}

impl Hint {
    /// The stable kebab-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Hint::NoFace => "no-face",
            Hint::SeveralFaces => "several-faces",
            Hint::Closer => "closer",
            Hint::Further => "further",
            Hint::Left => "left",
            Hint::Right => "right",
            Hint::Up => "up",
            Hint::Down => "down",
            Hint::TiltLeft => "tilt-left",
            Hint::TiltRight => "tilt-right",
            Hint::TurnLeft => "turn-left",
            Hint::TurnRight => "turn-right",
            Hint::ChinUp => "chin-up",
            Hint::ChinDown => "chin-down",
            Hint::TooDark => "too-dark",
            Hint::TooBright => "too-bright",
            Hint::UnevenLight => "uneven-light",
            Hint::OpenEyes => "open-eyes",
            Hint::CloseMouth => "close-mouth",
            Hint::Blurred => "blurred",
            Hint::HoldStill => "hold-still",
            Hint::Good => "good",
        }
    }

    /// The arrow that goes with it, if any.
    pub const fn arrow(self) -> Option<Arrow> {
        Some(match self {
            Hint::Left => Arrow::Left,
            Hint::Right => Arrow::Right,
            Hint::Up | Hint::ChinUp => Arrow::Up,
            Hint::Down | Hint::ChinDown => Arrow::Down,
            Hint::Closer => Arrow::Closer,
            Hint::Further => Arrow::Further,
            Hint::TiltLeft => Arrow::TiltLeft,
            Hint::TiltRight => Arrow::TiltRight,
            Hint::TurnLeft => Arrow::TurnLeft,
            Hint::TurnRight => Arrow::TurnRight,
            _ => return None,
        })
    }
}

/// What to draw beside a hint; directions of the unmirrored frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrow {
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// Upwards.
    Up,
    /// Downwards.
    Down,
    /// Towards the camera.
    Closer,
    /// Away from the camera.
    Further,
    /// Roll to the left.
    TiltLeft,
    /// Roll to the right.
    TiltRight,
    /// Turn to the left.
    TurnLeft,
    /// Turn to the right.
    TurnRight,
}

/// What a frame shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Guidance {
    /// The face from forehead to chin, frame pixels.
    pub face: Option<Area>,
    /// The one thing to do.
    pub hint: Hint,
    /// The arrow that goes with it.
    pub arrow: Option<Arrow>,
    /// Everything has been right for some frames: the shutter may go.
    pub ready: bool,
    /// Where the photo would be cut now, or the ideal place while there is no face; frame pixels.
    pub crop: Area,
    /// Centres of the eyes, the frame's left one first.
    pub eyes: Option<[[f32; 2]; 2]>,
    /// Height of the crown, frame pixels.
    pub crown: Option<f32>,
    /// Crown tilted to the frame's right, degrees.
    pub roll: f32,
    /// Face turned to the frame's right, degrees.
    pub yaw: f32,
    /// Chin raised, degrees.
    pub pitch: f32,
    /// The light on the face, of the last look at it.
    pub light: Option<LightReading>,
}

/// What is looked at besides the mesh on one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Lids and irises.
    Eyes,
    /// Is somebody else there, is the mesh still on a face.
    Faces,
    /// How tall the hair is.
    Crown,
    /// Light and sharpness.
    Light,
}

/// What is remembered from frame to frame. Begin with a new one for every student.
#[derive(Debug, Default)]
pub struct Tracker {
    frame: u64,
    mesh: Option<Mesh>,
    faces: usize,
    /// Crown above the eyes in inter-eye distances.
    crown: Option<f64>,
    light: Option<FaceLight>,
    /// See [`Mesh::eye_openness`]; of the last look at the lids.
    open: Option<[f32; 2]>,
    last_eyes: Option<[f32; 2]>,
    /// Frames since the eyes were last looked at.
    unseen: u32,
    shown: Option<Hint>,
    wanted: Option<(Hint, u32)>,
    steady: u32,
}

impl Tracker {
    /// Everything that takes turns has had its turn with this student.
    fn has_seen_all(&self) -> bool {
        self.crown.is_some() && self.light.is_some() && self.open.is_some()
    }

    /// Movement of the eyes a frame, in inter-eye distances. `still` says that nobody looked at this one.
    fn moved(&mut self, eyes: [f32; 2], unit: f32, still: bool) -> f32 {
        self.unseen += 1;
        if still {
            return 0.0;
        }
        let frames = std::mem::take(&mut self.unseen) as f32;
        let last = self.last_eyes.replace(eyes);
        last.map_or(0.0, |[x, y]| (x - eyes[0]).hypot(y - eyes[1]) / unit / frames)
    }

    /// Limits of what is shown now are a little tighter than those that bring it up, so that it does not flicker.
    fn limit(&self, hint: Hint, limit: f32) -> f32 {
        if self.shown == Some(hint) {
            limit * 0.8
        } else {
            limit
        }
    }

    /// Lets a hint through once it has lasted.
    fn settle(&mut self, hint: Hint) -> Hint {
        let Some(shown) = self.shown else {
            self.shown = Some(hint);
            return hint;
        };
        if hint == shown {
            self.wanted = None;
            return shown;
        }
        let lasted = match self.wanted {
            Some((wanted, lasted)) if wanted == hint => lasted + 1,
            _ => 1,
        };
        if lasted >= PATIENCE {
            self.wanted = None;
            self.shown = Some(hint);
            hint
        } else {
            self.wanted = Some((hint, lasted));
            shown
        }
    }
}

/// Looks at a frame and says the one thing to do next. On one core of an ordinary machine a 1280x720 frame takes 18 ms
/// in the median and 23 ms at the most (`cargo xtask bench portrait time`).
pub fn guide(models: &Models, frame: &RgbImage, spec: &Spec, tracker: &mut Tracker) -> Guidance {
    let turn = TURNS[(tracker.frame % TURNS.len() as u64) as usize];
    tracker.frame += 1;
    // The segmenter is the slowest of all: on its turn the points stay where they were a thirtieth of a second ago.
    let still = turn == Turn::Crown && tracker.mesh.is_some();
    if !still {
        look(models, frame, tracker, turn);
    }
    let Some(mesh) = tracker.mesh.clone() else {
        tracker.steady = 0;
        tracker.last_eyes = None;
        let hint = tracker.settle(Hint::NoFace);
        return Guidance {
            face: None,
            hint,
            arrow: hint.arrow(),
            ready: false,
            crop: ideal(frame, spec),
            eyes: None,
            crown: None,
            roll: 0.0,
            yaw: 0.0,
            pitch: 0.0,
            light: None,
        };
    };
    let unit = mesh.eye_distance().max(1.0);
    let eyes = mesh.between_eyes();
    // One thing a frame, also at the very beginning: until the crown was seen a typical one stands in for it.
    if turn == Turn::Crown {
        let seen = crown_above_eyes(models, frame, eyes, unit);
        // A little inertia: the segmenter's outline trembles with the light.
        tracker.crown = match (tracker.crown, seen) {
            (Some(old), Some(new)) => Some(old + 0.5 * (new - old)),
            (old, new) => new.or(old),
        };
    }
    if turn == Turn::Light {
        tracker.light = face_light(frame, &mesh);
    }
    let [a, b] = mesh.cheeks();
    let above = tracker.crown.unwrap_or(TYPICAL_CROWN) * f64::from(unit);
    let head = Head {
        crown: f64::from(eyes[1]) - above,
        eyes: f64::from(eyes[1]),
        axis: f64::midpoint(
            f64::midpoint(f64::from(a[0]), f64::from(b[0])),
            f64::from(eyes[0]),
        ),
        width: f64::from((b[0] - a[0]).hypot(b[1] - a[1])),
    };
    let hint = judge(&mesh, &head, frame, spec, tracker);
    let moved = tracker.moved(eyes, unit, still);
    let hint = if hint == Hint::Good && moved > MOVING {
        Hint::HoldStill
    } else {
        hint
    };
    tracker.steady = if hint == Hint::Good { tracker.steady + 1 } else { 0 };
    let shown = tracker.settle(hint);

    let place = place(&head, &capture(frame), spec);
    let [x, y] = place.transform.invert([0.0, 0.0]).map(|v| v as f32);
    let scale = place.transform.scale as f32;
    let crop = Area {
        x,
        y,
        width: spec.width as f32 / scale,
        height: spec.height as f32 / scale,
    };
    let pose = mesh.pose();
    Guidance {
        face: Some(around(&mesh)),
        hint: shown,
        arrow: shown.arrow(),
        ready: shown == Hint::Good && tracker.steady >= STEADY && tracker.has_seen_all(),
        crop,
        eyes: Some([mesh.eye_left(), mesh.eye_right()]),
        crown: Some(head.crown as f32),
        roll: pose.roll,
        yaw: pose.yaw,
        pitch: pose.pitch,
        light: tracker.light.as_ref().map(LightReading::of),
    }
}

/// Follows the face, or looks for one.
fn look(models: &Models, frame: &RgbImage, tracker: &mut Tracker, turn: Turn) {
    let followed = tracker
        .mesh
        .as_ref()
        .and_then(|last| match turn {
            Turn::Eyes => models.follow(frame, last, Pace::Live),
            _ => models.follow_points(frame, last, Pace::Live),
        })
        .filter(|m| m.presence >= Mesh::PRESENT);
    if let Some(mesh) = &followed
        && turn != Turn::Faces
    {
        if mesh.eyes.is_some() {
            tracker.open = Some(mesh.eye_openness());
        }
        tracker.mesh = followed;
        return;
    }
    let faces = models.faces(frame, Pace::Live);
    let main = faces
        .iter()
        .max_by(|a, b| (a.rect.width * a.score).total_cmp(&(b.rect.width * b.score)));
    tracker.faces = main.map_or(0, |m| {
        faces
            .iter()
            .filter(|f| f.rect.width > 0.35 * m.rect.width)
            .count()
    });
    if followed.is_none() {
        // Somebody new, or nobody: nothing known of the last one holds.
        tracker.open = None;
        tracker.crown = None;
        tracker.light = None;
    }
    tracker.mesh = match (followed, main) {
        // The mesh has slipped onto something the detector does not call a face.
        (Some(mesh), Some(main)) if main.rect.overlap(&around(&mesh)) > 0.2 => Some(mesh),
        (_, Some(main)) => models
            .mesh(frame, main, Pace::Live)
            .filter(|m| m.presence >= Mesh::PRESENT),
        // A single miss of the detector is no proof of absence while the mesh holds.
        (Some(mesh), None) if mesh.presence > 0.8 => Some(mesh),
        _ => None,
    };
}

/// First fault in order of what must be put right first: who, light, distance, place, head, stillness.
fn judge(mesh: &Mesh, head: &Head, frame: &RgbImage, spec: &Spec, tracker: &Tracker) -> Hint {
    if tracker.faces > 1 {
        return Hint::SeveralFaces;
    }
    if let Some(hint) = tracker.light.and_then(|light| badly_lit(&light, tracker.shown)) {
        return hint;
    }
    let (fw, fh) = (f64::from(frame.width()), f64::from(frame.height()));
    let free = Capture {
        cut_bottom: false,
        ..capture(frame)
    };
    let wish = place(head, &free, spec);
    let scale = wish.transform.scale;
    let slack = |hint: Hint, value: f64| if tracker.shown == Some(hint) { value } else { 0.0 };
    // Near the enlargement limit the next small movement would refuse the photo.
    let largest = spec.limits.max_upscale;
    if wish.obstacle == Some(Obstacle::Resolution) || scale > largest * 0.99 - slack(Hint::Closer, 0.05) {
        return Hint::Closer;
    }
    // The tightest cut allowed: if even that is larger than the frame below the head, the student is too near.
    let tightest = (spec.face_width.max / head.width).min(largest);
    let height = f64::from(spec.height) / tightest;
    if height > fh * (1.0 - slack(Hint::Further, 0.04)) || f64::from(spec.width) / tightest > fw {
        return Hint::Further;
    }
    let bound = place(head, &capture(frame), spec);
    let t = bound.transform;
    let [x0, _] = t.invert([0.0, 0.0]);
    let [x1, y1] = t.invert([f64::from(spec.width), f64::from(spec.height)]);
    let inside = head.width * 0.04;
    if x0 < slack(Hint::Right, inside) {
        return Hint::Right;
    }
    if x1 > fw - slack(Hint::Left, inside) {
        return Hint::Left;
    }
    if head.crown < fh * 0.012 + slack(Hint::Down, fh * 0.012) {
        // No room above although the whole does fit the frame's height.
        return if head.width > fh * 0.42 {
            Hint::Further
        } else {
            Hint::Down
        };
    }
    if bound.obstacle == Some(Obstacle::Edge) || y1 > fh + 0.5 {
        return Hint::Up;
    }
    let pose = mesh.pose();
    if pose.roll > tracker.limit(Hint::TiltLeft, checks::ROLL[0]) {
        return Hint::TiltLeft;
    }
    if -pose.roll > tracker.limit(Hint::TiltRight, checks::ROLL[0]) {
        return Hint::TiltRight;
    }
    if pose.yaw > tracker.limit(Hint::TurnLeft, checks::YAW[0]) {
        return Hint::TurnLeft;
    }
    if -pose.yaw > tracker.limit(Hint::TurnRight, checks::YAW[0]) {
        return Hint::TurnRight;
    }
    if tracker.light.is_some_and(|l| l.sharpness < checks::SHARPNESS[1]) {
        return Hint::Blurred;
    }
    let pitched = |hint: Hint| tracker.limit(hint, checks::PITCH[0]);
    if pose.pitch > pitched(Hint::ChinDown) {
        return Hint::ChinDown;
    }
    if -pose.pitch > pitched(Hint::ChinUp) {
        return Hint::ChinUp;
    }
    // Nothing is said of lids nobody has looked at yet.
    if let Some([left, right]) = tracker.open
        && left.min(right) < checks::EYES_OPEN[1]
    {
        return Hint::OpenEyes;
    }
    if mesh.mouth_openness() > checks::MOUTH[1] {
        return Hint::CloseMouth;
    }
    Hint::Good
}

/// What the light meter objects to. A hint comes up at the limit of refusal and goes at that of a remark.
pub(crate) fn badly_lit(light: &FaceLight, shown: Option<Hint>) -> Option<Hint> {
    let limit = |hint: Hint, limits: [f64; 2]| limits[usize::from(shown != Some(hint))];
    if light.bright < limit(Hint::TooDark, checks::DARK) {
        Some(Hint::TooDark)
    } else if light.burnt > limit(Hint::TooBright, checks::BURNT) {
        Some(Hint::TooBright)
    } else if light.evenness < limit(Hint::UnevenLight, checks::EVENNESS) {
        Some(Hint::UnevenLight)
    } else {
        None
    }
}

/// A sitting person goes on below the frame.
fn capture(frame: &RgbImage) -> Capture {
    Capture {
        size: [f64::from(frame.width()), f64::from(frame.height())],
        cut_bottom: true,
        cut_left: false,
        cut_right: false,
    }
}

/// The face's box from its outline.
fn around(mesh: &Mesh) -> Area {
    let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
    for p in mesh.outline() {
        for k in 0..2 {
            low[k] = low[k].min(p[k]);
            high[k] = high[k].max(p[k]);
        }
    }
    Area {
        x: low[0],
        y: low[1],
        width: high[0] - low[0],
        height: high[1] - low[1],
    }
}

/// The largest cut of the spec's shape that fits the frame, centred, standing on its lower edge.
fn ideal(frame: &RgbImage, spec: &Spec) -> Area {
    let (w, h) = (frame.width() as f32, frame.height() as f32);
    let shape = spec.width as f32 / spec.height as f32;
    let height = (0.94 * h).min(0.94 * w / shape);
    let width = height * shape;
    Area {
        x: (w - width) / 2.0,
        y: h - height,
        width,
        height,
    }
}

/// Crown above the eyes, in inter-eye distances, from the segmenter's outline of the head.
fn crown_above_eyes(models: &Models, frame: &RgbImage, eyes: [f32; 2], unit: f32) -> Option<f64> {
    // Head and shoulders: what the segmenter knows best.
    let side = |at: f32, limit: u32| (at.max(0.0) as u32).min(limit);
    let (w, h) = frame.dimensions();
    let (x0, x1) = (side(eyes[0] - 2.6 * unit, w), side(eyes[0] + 2.6 * unit, w));
    let (y0, y1) = (side(eyes[1] - 3.2 * unit, h), side(eyes[1] + 3.6 * unit, h));
    if x1 < x0 + 32 || y1 < y0 + 32 {
        return None;
    }
    let region = imageops::crop_imm(frame, x0, y0, x1 - x0, y1 - y0).to_image();
    let shrink = 256.0 / (y1 - y0) as f32;
    let region = if shrink < 1.0 {
        resized_linear(&region, ((x1 - x0) as f32 * shrink) as u32, 256)
    } else {
        region
    };
    let shrink = shrink.min(1.0);
    let person = models.person(&region, Pace::Live);
    let at = [
        f64::from((eyes[0] - x0 as f32) * shrink),
        f64::from((eyes[1] - y0 as f32) * shrink),
    ];
    let unit = f64::from(unit * shrink);
    let found = crown(&person, at, unit)?;
    Some((at[1] - found) / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_appears_after_it_has_lasted_and_a_flicker_is_not_shown() {
        let mut t = Tracker::default();
        assert_eq!(t.settle(Hint::NoFace), Hint::NoFace);
        for _ in 1..PATIENCE {
            assert_eq!(t.settle(Hint::Closer), Hint::NoFace);
        }
        assert_eq!(t.settle(Hint::Closer), Hint::Closer);
        assert_eq!(t.settle(Hint::Good), Hint::Closer);
        assert_eq!(t.settle(Hint::Closer), Hint::Closer);
        assert_eq!(t.settle(Hint::Good), Hint::Closer);
    }

    #[test]
    fn an_empty_booth_shows_where_to_sit() {
        let spec = Spec::built_in("national-blue").unwrap();
        let crop = ideal(&RgbImage::new(1280, 720), &spec);
        assert!((crop.width / crop.height - 0.75).abs() < 1e-4);
        assert!((crop.x + crop.width / 2.0 - 640.0).abs() < 0.1 && crop.y + crop.height <= 720.0);
    }

    #[test]
    fn names_are_those_the_pages_know() {
        for (hint, name) in [
            (Hint::NoFace, "no-face"),
            (Hint::TiltLeft, "tilt-left"),
            (Hint::Good, "good"),
        ] {
            assert_eq!(hint.as_str(), name);
            assert_eq!(serde_json::to_string(&hint).unwrap(), format!("\"{name}\""));
        }
    }
}
