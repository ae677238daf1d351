//! Reads the part of a TensorFlow Lite file that the networks use.
//!
//! Field numbers follow `tensorflow/lite/schema/schema.fbs`, offsets the
//! [FlatBuffers internals](https://flatbuffers.dev/internals/). Every read is bounds-checked: a damaged
//! file is an error, never a panic.

use std::ops::Range;

use super::ModelsError;

/// One network: its values, and the operators in the order they run.
pub(super) struct Graph {
    pub(super) tensors: Vec<Tensor>,
    pub(super) operators: Vec<Operator>,
    pub(super) inputs: Vec<usize>,
}

/// A value: a constant where `data` is there, else what an operator computes.
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) data: Option<Data>,
}

/// A constant's numbers. Half-precision weights are widened here, exactly.
#[derive(Clone)]
pub(super) enum Data {
    Float(Vec<f32>),
    Int(Vec<i32>),
}

pub(super) struct Operator {
    pub(super) kind: Kind,
    pub(super) inputs: Vec<usize>,
    pub(super) output: usize,
}

/// How a sliding window moves. Sizes are (height, width).
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) same: bool,
    pub(super) stride: (usize, usize),
    pub(super) activation: Activation,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    None,
    Relu,
}

#[derive(Clone)]
pub(super) enum Kind {
    Add(Activation),
    AveragePool {
        window: Window,
        size: (usize, usize),
    },
    Concatenation {
        axis: i32,
    },
    Conv(Window),
    ConvTransposeWithBias {
        same: bool,
        stride: (usize, usize),
    },
    DepthwiseConv(Window),
    Dequantize,
    HardSwish,
    Logistic,
    MaxPool {
        window: Window,
        size: (usize, usize),
    },
    Mul(Activation),
    Pad,
    Prelu,
    Relu,
    Reshape,
    ResizeBilinear {
        align_corners: bool,
        half_pixel_centers: bool,
    },
    /// `MediaPipe`'s `TransformTensorBilinear`: a window of a picture, turned and stretched by a matrix.
    Warp,
    /// Its name; an error only where the result is needed.
    Unknown(String),
}

/// Reads the first subgraph of a `.tflite` file.
pub(super) fn parse(bytes: &[u8]) -> Result<Graph, ModelsError> {
    if bytes.get(4..8) != Some(b"TFL3") {
        return Err(ModelsError::Tflite("the file identifier is not TFL3".into()));
    }
    let file = File(bytes);
    let model = file.table(file.offset(0)?)?;
    let codes = model
        .tables(1)?
        .into_iter()
        .map(|code| Code::read(&code))
        .collect::<Result<Vec<_>, _>>()?;
    let buffers = model.tables(4)?;
    let subgraph = model
        .tables(2)?
        .into_iter()
        .next()
        .ok_or_else(|| ModelsError::Tflite("no subgraph".into()))?;

    let tensors = subgraph
        .tables(0)?
        .iter()
        .map(|t| tensor(t, &buffers))
        .collect::<Result<Vec<_>, _>>()?;
    let index = |number: i32| {
        usize::try_from(number)
            .ok()
            .filter(|&n| n < tensors.len())
            .ok_or_else(|| ModelsError::Tflite(format!("there is no tensor {number}")))
    };
    let indices = |numbers: Vec<i32>| numbers.into_iter().map(index).collect::<Result<Vec<_>, _>>();
    let operators = subgraph
        .tables(3)?
        .iter()
        .map(|op| {
            let code = op.u32(0, 0)? as usize;
            let code = codes
                .get(code)
                .ok_or_else(|| ModelsError::Tflite(format!("no operator code {code}")))?;
            let outputs = indices(op.ints(2)?)?;
            let [output] = outputs[..] else {
                return Err(ModelsError::Tflite(format!(
                    "{code:?} with {} outputs",
                    outputs.len()
                )));
            };
            Ok(Operator {
                kind: kind(code, op)?,
                inputs: indices(op.ints(1)?)?,
                output,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let inputs = indices(subgraph.ints(1)?)?;
    Ok(Graph {
        tensors,
        operators,
        inputs,
    })
}

#[derive(Debug)]
enum Code {
    Builtin(i32),
    Custom(String),
}

impl Code {
    fn read(table: &Table<'_>) -> Result<Code, ModelsError> {
        // Files older than schema 3a carry the code in a byte, newer ones in both.
        let code = i32::from(table.u8(0, 0)?).max(table.i32(3, 0)?);
        Ok(if code == 32 {
            Code::Custom(table.text(1)?)
        } else {
            Code::Builtin(code)
        })
    }
}

fn kind(code: &Code, op: &Table<'_>) -> Result<Kind, ModelsError> {
    let number = match code {
        Code::Custom(name) if name == "Convolution2DTransposeBias" => {
            // The custom options are a TfLiteTransposeConvParams: padding (1 same, 2 valid), width and
            // height of the stride, each a little-endian i32.
            let options = op.vector(5, 1)?;
            let options = op.file.bytes(options)?;
            let word = |n: usize| {
                options
                    .get(n * 4..n * 4 + 4)
                    .and_then(|b| b.try_into().ok())
                    .map(u32::from_le_bytes)
                    .ok_or_else(|| ModelsError::Tflite("transposed convolution without options".into()))
            };
            let stride = (word(2)? as usize, word(1)? as usize);
            return Ok(Kind::ConvTransposeWithBias {
                same: word(0)? == 1,
                stride,
            });
        }
        Code::Custom(name) if name == "TransformTensorBilinear" => return Ok(Kind::Warp),
        Code::Custom(name) => return Ok(Kind::Unknown(format!("custom operator {name}"))),

        Code::Builtin(number) => *number,
    };
    let options = op.child(4)?;
    let options = options.as_ref();
    let u8_at = |field| options.map_or(Ok(0), |o| o.u8(field, 0));
    let size_at = |field| options.map_or(Ok(0), |o| o.u32(field, 0).map(|n| n as usize));
    let activation = |field| match u8_at(field)? {
        0 => Ok(Activation::None),
        1 => Ok(Activation::Relu),
        other => Err(ModelsError::Unsupported(format!("fused activation {other}"))),
    };
    let window = |activation_field| -> Result<Window, ModelsError> {
        Ok(Window {
            same: u8_at(0)? == 0,
            stride: (size_at(2)?, size_at(1)?),
            activation: activation(activation_field)?,
        })
    };
    let undilated = |first: usize| match options {
        Some(o) if o.u32(first, 1)? != 1 || o.u32(first + 1, 1)? != 1 => {
            Err(ModelsError::Unsupported("dilated convolution".into()))
        }
        _ => Ok(()),
    };
    Ok(match number {
        0 => Kind::Add(activation(0)?),
        1 => Kind::AveragePool {
            window: window(5)?,
            size: (size_at(4)?, size_at(3)?),
        },
        2 => Kind::Concatenation {
            axis: options.map_or(Ok(0), |o| o.i32(0, 0))?,
        },
        3 => {
            undilated(4)?;
            Kind::Conv(window(3)?)
        }
        4 => {
            undilated(5)?;
            Kind::DepthwiseConv(window(4)?)
        }
        6 => Kind::Dequantize,
        14 => Kind::Logistic,
        17 => Kind::MaxPool {
            window: window(5)?,
            size: (size_at(4)?, size_at(3)?),
        },
        18 => Kind::Mul(activation(0)?),
        19 => Kind::Relu,
        22 => Kind::Reshape,
        23 => Kind::ResizeBilinear {
            align_corners: u8_at(2)? != 0,
            half_pixel_centers: u8_at(3)? != 0,
        },
        34 => Kind::Pad,
        54 => Kind::Prelu,
        117 => Kind::HardSwish,
        other => Kind::Unknown(format!("builtin operator {other}")),
    })
}

fn tensor(table: &Table<'_>, buffers: &[Table<'_>]) -> Result<Tensor, ModelsError> {
    let shape = table
        .ints(0)?
        .into_iter()
        .map(|n| usize::try_from(n).map_err(|_| ModelsError::Tflite(format!("a side of {n}"))))
        .collect::<Result<Vec<_>, _>>()?;
    let buffer = table.u32(2, 0)? as usize;
    let buffer = buffers
        .get(buffer)
        .ok_or_else(|| ModelsError::Tflite(format!("there is no buffer {buffer}")))?;
    let bytes = table.file.bytes(buffer.vector(0, 1)?)?;
    let name = table.text(3)?;
    let data = if bytes.is_empty() {
        None
    } else {
        let data = match table.u8(1, 0)? {
            0 => Data::Float(words(bytes).map(f32::from_le_bytes).collect()),
            1 => Data::Float(words(bytes).map(|b| widen(u16::from_le_bytes(b))).collect()),
            2 => Data::Int(words(bytes).map(i32::from_le_bytes).collect()),
            other => {
                return Err(ModelsError::Unsupported(format!(
                    "constant {name} of type {other}"
                )));
            }
        };
        let len = match &data {
            Data::Float(values) => values.len(),
            Data::Int(values) => values.len(),
        };
        if shape.iter().try_fold(1usize, |all, &side| all.checked_mul(side)) != Some(len) {
            return Err(ModelsError::Tflite(format!(
                "constant {name} has {len} numbers for {shape:?}"
            )));
        }
        Some(data)
    };
    Ok(Tensor { name, shape, data })
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}

/// IEEE 754 half precision to single precision; every half is exactly a single.
fn widen(half: u16) -> f32 {
    let sign = u32::from(half >> 15) << 31;
    let exponent = u32::from(half >> 10) & 0x1f;
    let fraction = u32::from(half) & 0x3ff;
    match exponent {
        0 => {
            let magnitude = fraction as f32 * 2f32.powi(-24);
            f32::from_bits(sign | magnitude.to_bits())
        }
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

#[derive(Clone, Copy)]
struct File<'a>(&'a [u8]);

impl<'a> File<'a> {
    fn bytes(self, range: Range<usize>) -> Result<&'a [u8], ModelsError> {
        self.0
            .get(range.clone())
            .ok_or_else(|| ModelsError::Tflite(format!("bytes {range:?} are outside the file")))
    }

    fn array<const N: usize>(self, at: usize) -> Result<[u8; N], ModelsError> {
        let end = at
            .checked_add(N)
            .ok_or_else(|| ModelsError::Tflite("an offset overflows".into()))?;
        let bytes = self.bytes(at..end)?;
        bytes
            .try_into()
            .map_err(|_| ModelsError::Tflite("short read".into()))
    }

    fn word(self, at: usize) -> Result<u32, ModelsError> {
        self.array(at).map(u32::from_le_bytes)
    }

    /// Where the forward offset stored at `at` points to.
    fn offset(self, at: usize) -> Result<usize, ModelsError> {
        let distance = self.word(at)? as usize;
        at.checked_add(distance)
            .ok_or_else(|| ModelsError::Tflite("an offset overflows".into()))
    }

    fn table(self, at: usize) -> Result<Table<'a>, ModelsError> {
        let back = i64::from(i32::from_le_bytes(self.array(at)?));
        let vtable = usize::try_from(at as i64 - back)
            .map_err(|_| ModelsError::Tflite("a table's layout lies before the file".into()))?;
        let fields = (usize::from(u16::from_le_bytes(self.array(vtable)?)) / 2).saturating_sub(2);
        Ok(Table {
            file: self,
            at,
            vtable,
            fields,
        })
    }
}

#[derive(Clone, Copy)]
struct Table<'a> {
    file: File<'a>,
    at: usize,
    vtable: usize,
    fields: usize,
}

impl<'a> Table<'a> {
    /// Where a field's bytes are; `None` where the file leaves it at its default.
    fn field(&self, number: usize) -> Result<Option<usize>, ModelsError> {
        if number >= self.fields {
            return Ok(None);
        }
        let distance = u16::from_le_bytes(self.file.array(self.vtable + 4 + number * 2)?);
        Ok((distance != 0).then(|| self.at + usize::from(distance)))
    }

    fn u8(&self, number: usize, default: u8) -> Result<u8, ModelsError> {
        self.field(number)?
            .map_or(Ok(default), |at| self.file.array::<1>(at).map(|[byte]| byte))
    }

    fn u32(&self, number: usize, default: u32) -> Result<u32, ModelsError> {
        self.field(number)?.map_or(Ok(default), |at| self.file.word(at))
    }

    fn i32(&self, number: usize, default: i32) -> Result<i32, ModelsError> {
        self.field(number)?
            .map_or(Ok(default), |at| self.file.array(at).map(i32::from_le_bytes))
    }

    fn child(&self, number: usize) -> Result<Option<Table<'a>>, ModelsError> {
        self.field(number)?
            .map(|at| self.file.table(self.file.offset(at)?))
            .transpose()
    }

    /// The bytes of a vector's elements; empty where the field is absent.
    fn vector(&self, number: usize, element: usize) -> Result<Range<usize>, ModelsError> {
        let Some(at) = self.field(number)? else {
            return Ok(0..0);
        };
        let start = self.file.offset(at)?;
        let len = (self.file.word(start)? as usize).checked_mul(element);
        let end = len.and_then(|len| len.checked_add(start + 4));
        let end = end.filter(|&end| end <= self.file.0.len());
        end.map(|end| start + 4..end)
            .ok_or_else(|| ModelsError::Tflite("a vector ends outside the file".into()))
    }

    fn ints(&self, number: usize) -> Result<Vec<i32>, ModelsError> {
        Ok(words(self.file.bytes(self.vector(number, 4)?)?)
            .map(i32::from_le_bytes)
            .collect())
    }

    fn tables(&self, number: usize) -> Result<Vec<Table<'a>>, ModelsError> {
        self.vector(number, 4)?
            .step_by(4)
            .map(|at| self.file.table(self.file.offset(at)?))
            .collect()
    }

    fn text(&self, number: usize) -> Result<String, ModelsError> {
        Ok(String::from_utf8_lossy(self.file.bytes(self.vector(number, 1)?)?).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_widens_exactly() {
        for (half, single) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x3555, 0.333_251_95),
        ] {
            assert_eq!(widen(half).to_bits(), f32::to_bits(single), "{half:#06x}");
        }
        assert!(widen(0x7e00).is_nan());
        assert!(widen(0xfc00) == f32::NEG_INFINITY);
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        assert!(parse(b"").is_err());
        assert!(parse(b"\x08\0\0\0TFL3").is_err());
        let mut noise = vec![0xffu8; 512];
        noise[4..8].copy_from_slice(b"TFL3");
        for first in 0..=255u8 {
            noise[0] = first;
            noise[1..4].fill(0);
            assert!(parse(&noise).is_err());
        }
    }
}
