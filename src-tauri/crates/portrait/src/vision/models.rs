//! The networks, loaded, checked and ready to run.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use image::{GrayImage, RgbImage};
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value};
use rten_tensor::Tensor;
use rten_tensor::prelude::*;
use thread_priority::{ThreadPriority, ThreadPriorityValue, set_current_thread_priority};

use super::{Face, Mesh, detector, eyes, mesh, segmenter};
use crate::PortraitError;

/// How much of the machine an inference may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// One thread and one pass, for every frame of the preview: the camera and the page need the rest.
    Live,
    /// All cores, and a second pass where that makes points more precise: for the photo itself.
    Still,
}

/// Of 0 to 99: niceness 8 where there is such a thing, "below normal" under Windows.
const BEHIND: u8 = 27;

/// The networks. Costs about 15 MB; share one between threads in an `Arc`.
pub struct Models {
    pub(super) detector: Network,
    pub(super) mesh: Network,
    pub(super) eyes: Network,
    pub(super) segmenter: Network,
    /// The single thread of [`Pace::Live`].
    alone: Arc<ThreadPool>,
}

impl std::fmt::Debug for Models {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Models")
    }
}

impl Models {
    /// Loads `face_detection.onnx`, `face_mesh.onnx`, `face_eyes.onnx` and `selfie_segmentation.onnx` from a
    /// folder and runs each once: what loads here works later.
    ///
    /// # Errors
    /// [`PortraitError::Models`] with the file and what to do: missing (run the set-up), damaged, or not the
    /// network it should be.
    pub fn load(dir: &Path) -> Result<Models, PortraitError> {
        let models = Models {
            detector: Network::load(dir, "face_detection", &detector::INPUTS, &detector::OUTPUTS)?,
            mesh: Network::load(dir, "face_mesh", &mesh::INPUTS, &mesh::OUTPUTS)?,
            eyes: Network::load(dir, "face_eyes", &eyes::INPUTS, &eyes::OUTPUTS)?,
            segmenter: Network::load(
                dir,
                "selfie_segmentation",
                &segmenter::INPUTS,
                &segmenter::OUTPUTS,
            )?,
            alone: Arc::new(ThreadPool::with_num_threads(1)),
        };
        for network in [&models.detector, &models.mesh, &models.eyes, &models.segmenter] {
            network
                .try_run(network.blank(), None)
                .map_err(|why| network.refuse(&why))?;
        }
        Ok(models)
    }

    /// From now on this thread and the one of [`Pace::Live`] stand behind the program's others: people notice a picture
    /// that comes late sooner than a word about it. Only for a thread that does nothing else, since a system may not
    /// let it come forward again. Measured by `cargo xtask bench window`.
    pub fn stand_behind(&self) {
        // Threads are born with the priority of the one that begins them: those of the photo itself must be there.
        rayon::current_num_threads();
        let behind = || {
            let set = ThreadPriorityValue::try_from(BEHIND)
                .map(|value| set_current_thread_priority(ThreadPriority::Crossplatform(value)));
            if !matches!(set, Ok(Ok(()))) {
                tracing::debug!("the system keeps the priority as it is");
            }
        };
        behind();
        self.alone.run(behind);
    }

    /// All faces, most certain first. Seen are faces from about a fifteenth of the longer side of the picture
    /// on; in a long picture smaller ones too, at [`Pace::Live`] only where nothing larger is there. What is
    /// no face may be among them: look at [`Mesh::presence`].
    pub fn faces(&self, picture: &RgbImage, pace: Pace) -> Vec<Face> {
        detector::find(self, picture, pace)
    }

    /// [`Models::faces`] and [`Models::mesh`] at [`Pace::Still`] for the face that `main` picks by its place in the list,
    /// in less time than one after the other.
    pub(crate) fn faces_with_mesh(
        &self,
        picture: &RgbImage,
        main: impl Fn(&[Face]) -> Option<usize>,
    ) -> (Vec<Face>, Option<(usize, Mesh)>) {
        detector::find_with_mesh(self, picture, main)
    }

    /// The points of a face that [`Models::faces`] found. `None` only for an empty picture; whether there
    /// really is a face is in [`Mesh::presence`].
    pub fn mesh(&self, picture: &RgbImage, face: &Face, pace: Pace) -> Option<Mesh> {
        mesh::measure(self, picture, face, pace)
    }

    /// The points of a face in the next frame, starting from the last frame's instead of a detection: half the
    /// work while somebody sits. Look at [`Mesh::presence`] and detect again when it falls.
    pub fn follow(&self, picture: &RgbImage, last: &Mesh, pace: Pace) -> Option<Mesh> {
        mesh::follow(self, picture, last, pace, true)
    }

    /// [`Models::follow`] without the look at lids and irises, for half the work: [`Mesh::eyes`] is `None`, and what
    /// is derived from it is rough.
    pub fn follow_points(&self, picture: &RgbImage, last: &Mesh, pace: Pace) -> Option<Mesh> {
        mesh::follow(self, picture, last, pace, false)
    }

    /// How surely each pixel belongs to a person, 0 to 255, at the picture's size. Computed on a picture of
    /// 256 x 256: a prior for the matte, not an edge.
    pub fn person(&self, picture: &RgbImage, pace: Pace) -> GrayImage {
        segmenter::person(self, picture, pace)
    }

    pub(super) fn pool(&self, pace: Pace) -> Option<Arc<ThreadPool>> {
        match pace {
            Pace::Live => Some(Arc::clone(&self.alone)),
            Pace::Still => None,
        }
    }
}

/// One network: lists of numbers in, lists of numbers out.
pub(super) struct Network {
    name: &'static str,
    model: Model,
    inputs: Vec<(NodeId, &'static [usize])>,
    outputs: Vec<(NodeId, usize)>,
}

impl Network {
    /// `inputs` are names and shapes; `outputs` names and how many numbers each holds.
    fn load(
        dir: &Path,
        name: &'static str,
        inputs: &[(&str, &'static [usize])],
        outputs: &[(&str, usize)],
    ) -> Result<Network, PortraitError> {
        let path = dir.join(format!("{name}.onnx"));
        let refuse = |why: &str| PortraitError::Models(format!("{}: {why}", path.display()));
        let bytes = fs::read(&path).map_err(|error| {
            refuse(&format!(
                "{error}; run `cargo xtask setup` (an installed station: install it again)"
            ))
        })?;
        let mut options = ModelOptions::with_all_ops();
        let model = options.prepack_weights(true).load(bytes);
        let model = model.map_err(|error| refuse(&format!("the file is damaged ({error})")))?;
        let node = |name: &str| {
            model
                .find_node(name)
                .ok_or_else(|| refuse(&format!("it has no {name}")))
        };
        let inputs = inputs
            .iter()
            .map(|&(name, shape)| Ok((node(name)?, shape)))
            .collect::<Result<_, PortraitError>>()?;
        let outputs = outputs
            .iter()
            .map(|&(name, len)| Ok((node(name)?, len)))
            .collect::<Result<_, PortraitError>>()?;
        Ok(Network {
            name,
            model,
            inputs,
            outputs,
        })
    }

    fn blank(&self) -> Vec<Vec<f32>> {
        self.inputs
            .iter()
            .map(|(_, shape)| vec![0.0; shape.iter().product()])
            .collect()
    }

    /// Runs on the inputs' numbers; a picture's are the red, then the green, then the blue values, row by row.
    /// `None` is logged and means nothing was seen; [`Models::load`] has made sure it does not happen.
    pub(super) fn run<const I: usize, const O: usize>(
        &self,
        inputs: [Vec<f32>; I],
        pool: Option<Arc<ThreadPool>>,
    ) -> Option<[Vec<f32>; O]> {
        match self.try_run(inputs.into(), pool) {
            Ok(outputs) => outputs.try_into().ok(),
            Err(why) => {
                tracing::error!(network = self.name, why, "inference failed");
                None
            }
        }
    }

    fn try_run(&self, inputs: Vec<Vec<f32>>, pool: Option<Arc<ThreadPool>>) -> Result<Vec<Vec<f32>>, String> {
        let inputs = inputs
            .into_iter()
            .zip(&self.inputs)
            .map(|(numbers, &(node, shape))| {
                let tensor = Tensor::try_from_data(shape, numbers).map_err(|error| error.to_string())?;
                Ok((node, tensor.into()))
            });
        let inputs = inputs.collect::<Result<Vec<_>, String>>()?;
        let wanted: Vec<NodeId> = self.outputs.iter().map(|&(node, _)| node).collect();
        let options = RunOptions::default().with_thread_pool(pool);
        let values = self
            .model
            .run(inputs, &wanted, Some(options))
            .map_err(|error| error.to_string())?;
        values
            .into_iter()
            .zip(&self.outputs)
            .map(|(value, &(_, len))| numbers(value, len))
            .collect()
    }

    fn refuse(&self, why: &str) -> PortraitError {
        PortraitError::Models(format!(
            "{}.onnx is not the network it should be ({why})",
            self.name
        ))
    }
}

fn numbers(value: Value, len: usize) -> Result<Vec<f32>, String> {
    let tensor: Tensor<f32> = value.try_into().map_err(|_| "an output is not f32".to_owned())?;
    if tensor.len() == len {
        Ok(tensor.into_data())
    } else {
        Err(format!("an output has {} numbers, not {len}", tensor.len()))
    }
}

pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
