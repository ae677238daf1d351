//! Writes a network as ONNX, in the layout and with the operators that the program's runtime reads.
//!
//! TensorFlow Lite keeps pictures as rows, columns, channels; ONNX as channels, rows, columns. Every
//! four-sided value is turned once, here: the input is `[1, 3, height, width]`, weights are transposed,
//! paddings become explicit numbers. Field numbers follow `onnx/onnx.proto`.

use super::ModelsError;
use super::tflite::{Activation, Data, Graph, Kind, Operator, Window};

/// Which part of a network to convert, by the names in its file and the names it gets.
pub(super) struct Part {
    /// Values to compute. Operators that none of them needs are left out.
    pub(super) outputs: &'static [(&'static str, &'static str)],
    /// Matrices of warps. Each becomes an input: where every sample of the window is taken, as ONNX's
    /// `GridSample` wants it, `[1, height, width, 2]`, from -1 to 1 across and down.
    pub(super) grids: &'static [(&'static str, &'static str)],
}

/// Converts a network, or a part of it. Its picture becomes the input `image`.
pub(super) fn convert(name: &str, graph: &Graph, part: &Part) -> Result<Vec<u8>, ModelsError> {
    let find = |wanted: &str| {
        let tensor = graph.tensors.iter().position(|tensor| tensor.name == wanted);
        tensor.ok_or_else(|| ModelsError::Unsupported(format!("there is no value {wanted}")))
    };
    let [image] = graph.inputs[..] else {
        return Err(ModelsError::Unsupported(format!("{} inputs", graph.inputs.len())));
    };
    let mut writer = Conversion::new(graph);
    let mut inputs = vec![value_info("image", &channels_first(&graph.tensors[image].shape))];
    writer.names[image] = "image".into();
    let mut given = vec![image];
    for (original, new) in part.grids {
        let grid = find(original)?;
        let warp = graph.operators.iter().find(|op| op.inputs.get(1) == Some(&grid));
        let Some(&[_, height, width, _]) = warp.map(|op| &graph.tensors[op.output].shape[..]) else {
            return Err(ModelsError::Unsupported(format!(
                "{original} is not the matrix of a warp"
            )));
        };
        inputs.push(value_info(new, &[1, height, width, 2]));
        writer.names[grid] = (*new).into();
        given.push(grid);
    }
    let mut outputs = Vec::new();
    for (original, new) in part.outputs {
        let output = find(original)?;
        writer.names[output] = (*new).into();
        outputs.push(output);
    }
    for operator in needed(graph, &outputs, &given) {
        writer.operator(operator)?;
    }

    let mut body = writer.nodes;
    body.text(2, name);
    body.0.extend(writer.initializers.0);
    for input in &inputs {
        body.message(11, input);
    }
    for output in outputs {
        body.message(
            12,
            &value_info(
                &writer.names[output],
                &channels_first(&graph.tensors[output].shape),
            ),
        );
    }
    let mut opset = Message::default();
    opset.number(2, 17);
    let mut model = Message::default();
    model.number(1, 8);
    model.text(2, "photo-station xtask");
    model.message(7, &body);
    model.message(8, &opset);
    Ok(model.0)
}

/// The operators behind some values, up to those that are given, in the order they run.
fn needed<'a>(graph: &'a Graph, outputs: &[usize], given: &[usize]) -> Vec<&'a Operator> {
    let mut wanted = vec![false; graph.tensors.len()];
    for &output in outputs {
        wanted[output] = true;
    }
    let mut operators: Vec<&Operator> = Vec::new();
    for operator in graph.operators.iter().rev() {
        if wanted[operator.output] && !given.contains(&operator.output) {
            for &input in &operator.inputs {
                wanted[input] = true;
            }
            operators.push(operator);
        }
    }
    operators.reverse();
    operators
}

struct Conversion<'a> {
    graph: &'a Graph,
    /// What each tensor is called in ONNX.
    names: Vec<String>,
    nodes: Message,
    initializers: Message,
    fresh: usize,
}

impl<'a> Conversion<'a> {
    fn new(graph: &'a Graph) -> Self {
        let names = (0..graph.tensors.len()).map(|n| format!("v{n}")).collect();
        let (nodes, initializers) = (Message::default(), Message::default());
        Conversion {
            graph,
            names,
            nodes,
            initializers,
            fresh: 0,
        }
    }

    fn operator(&mut self, op: &Operator) -> Result<(), ModelsError> {
        let output = self.names[op.output].clone();
        match &op.kind {
            Kind::Dequantize => {
                // Its constant was widened when it was read: the result is the same constant.
                let source = self.argument(op, 0)?;
                self.constant_numbers(source)?;
                let name = self.names[source].clone();
                self.names[op.output] = name;
            }
            Kind::Relu => self.unary(op, "Relu", &output)?,
            Kind::Logistic => self.unary(op, "Sigmoid", &output)?,
            Kind::HardSwish => self.unary(op, "HardSwish", &output)?,
            Kind::Add(activation) => self.binary(op, "Add", *activation)?,
            Kind::Mul(activation) => self.binary(op, "Mul", *activation)?,
            Kind::Conv(window) => self.convolution(op, *window, false)?,
            Kind::DepthwiseConv(window) => self.convolution(op, *window, true)?,
            Kind::ConvTransposeWithBias { same, stride } => {
                self.transposed_convolution(op, *same, *stride)?;
            }
            Kind::MaxPool { window, size } => self.pool(op, "MaxPool", *window, *size)?,
            Kind::AveragePool { window, size } => self.pool(op, "AveragePool", *window, *size)?,
            Kind::Prelu => {
                let input = self.value(op, 0)?;
                let slope = self.argument(op, 1)?;
                let numbers = self.floats(slope)?.to_vec();
                if self.graph.tensors[slope].shape != [1, 1, numbers.len()] {
                    return Err(ModelsError::Unsupported(
                        "a PReLU slope that is not one a channel".into(),
                    ));
                }
                let slope = self.float_initializer(&[numbers.len(), 1, 1], &numbers);
                self.node("PRelu", &[&input, &slope], &output, &[]);
            }
            Kind::Pad => {
                let input = self.value(op, 0)?;
                let pads = self.argument(op, 1)?;
                let pads = self.ints(pads)?;
                let [_, _, top, bottom, left, right, front, back] = pads[..] else {
                    return Err(ModelsError::Unsupported(
                        "padding of a value without four sides".into(),
                    ));
                };
                let pads = self.int_initializer(&[0, front, top, left, 0, back, bottom, right]);
                self.node(
                    "Pad",
                    &[&input, &pads],
                    &output,
                    &[("mode", Attribute::Text("constant"))],
                );
            }
            Kind::Warp => {
                let (input, grid) = (self.value(op, 0)?, self.value(op, 1)?);
                let attributes = [
                    ("mode", Attribute::Text("bilinear")),
                    ("padding_mode", Attribute::Text("zeros")),
                    ("align_corners", Attribute::Int(0)),
                ];
                self.node("GridSample", &[&input, &grid], &output, &attributes);
            }
            Kind::Unknown(name) => return Err(ModelsError::Unsupported(name.clone())),
            Kind::Reshape => self.reshape(op, &output)?,
            Kind::Concatenation { axis } => {
                if op.inputs.iter().any(|&n| self.graph.tensors[n].shape.len() == 4) {
                    return Err(ModelsError::Unsupported("concatenation of pictures".into()));
                }
                let inputs = (0..op.inputs.len())
                    .map(|n| self.value(op, n))
                    .collect::<Result<Vec<_>, _>>()?;
                let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
                self.node(
                    "Concat",
                    &inputs,
                    &output,
                    &[("axis", Attribute::Int((*axis).into()))],
                );
            }
            Kind::ResizeBilinear {
                align_corners,
                half_pixel_centers,
            } => {
                let input = self.value(op, 0)?;
                let sizes = channels_first(&self.graph.tensors[op.output].shape);
                let sizes: Vec<i32> = sizes.iter().map(|&n| n as i32).collect();
                let sizes = self.int_initializer(&sizes);
                let mode = match (*align_corners, *half_pixel_centers) {
                    (true, _) => "align_corners",
                    (false, true) => "half_pixel",
                    (false, false) => "asymmetric",
                };
                let attributes = [
                    ("mode", Attribute::Text("linear")),
                    ("coordinate_transformation_mode", Attribute::Text(mode)),
                ];
                self.node("Resize", &[&input, "", "", &sizes], &output, &attributes);
            }
        }
        Ok(())
    }

    fn unary(&mut self, op: &Operator, kind: &str, output: &str) -> Result<(), ModelsError> {
        let input = self.value(op, 0)?;
        self.node(kind, &[&input], output, &[]);
        Ok(())
    }

    fn binary(&mut self, op: &Operator, kind: &str, activation: Activation) -> Result<(), ModelsError> {
        let (left, right) = (self.value(op, 0)?, self.value(op, 1)?);
        self.activated(kind, &[&left, &right], op.output, activation, &[]);
        Ok(())
    }

    /// Weights: `[out, height, width, in]`, or for a depthwise one `[1, height, width, channels]`.
    fn convolution(&mut self, op: &Operator, window: Window, depthwise: bool) -> Result<(), ModelsError> {
        let input = self.value(op, 0)?;
        let weights = self.argument(op, 1)?;
        let weights = self.dequantized(weights);
        let &[o, h, w, i] = &self.graph.tensors[weights].shape[..] else {
            return Err(ModelsError::Unsupported("a filter without four sides".into()));
        };
        let channels = self.graph.tensors[op.inputs[0]]
            .shape
            .last()
            .copied()
            .unwrap_or(0);
        if depthwise && (o != 1 || i != channels) {
            return Err(ModelsError::Unsupported(
                "a depthwise filter with a multiplier".into(),
            ));
        }
        // Depthwise, the file's last side counts the output channels and every group sees one channel.
        let (order, shape, groups) = if depthwise {
            ([3, 0, 1, 2], [i, o, h, w], i)
        } else {
            ([0, 3, 1, 2], [o, i, h, w], 1)
        };
        let numbers = transposed(self.floats(weights)?, [o, h, w, i], order);
        let weights = self.float_initializer(&shape, &numbers);
        let bias = self.bias(op, shape[0])?;
        let pads = self.padding(op, window, (h, w))?;
        let strides = [window.stride.0 as i64, window.stride.1 as i64];
        let attributes = [
            ("group", Attribute::Int(groups as i64)),
            ("kernel_shape", Attribute::Ints(&[h as i64, w as i64])),
            ("pads", Attribute::Ints(&pads)),
            ("strides", Attribute::Ints(&strides)),
        ];
        self.activated(
            "Conv",
            &[&input, &weights, &bias],
            op.output,
            window.activation,
            &attributes,
        );
        Ok(())
    }

    fn transposed_convolution(
        &mut self,
        op: &Operator,
        same: bool,
        stride: (usize, usize),
    ) -> Result<(), ModelsError> {
        let input = self.value(op, 0)?;
        let weights = self.argument(op, 1)?;
        let weights = self.dequantized(weights);
        let &[o, h, w, i] = &self.graph.tensors[weights].shape[..] else {
            return Err(ModelsError::Unsupported("a filter without four sides".into()));
        };
        // Only tiles that neither overlap nor leave gaps: then "same" and "valid" mean no padding at all.
        if (h, w) != stride {
            return Err(ModelsError::Unsupported(format!(
                "transposed convolution of overlapping tiles, {same}"
            )));
        }
        let numbers = transposed(self.floats(weights)?, [o, h, w, i], [3, 0, 1, 2]);
        let weights = self.float_initializer(&[i, o, h, w], &numbers);
        let bias = self.bias(op, o)?;
        let sides = [stride.0 as i64, stride.1 as i64];
        let attributes = [
            ("kernel_shape", Attribute::Ints(&sides)),
            ("strides", Attribute::Ints(&sides)),
        ];
        let output = self.names[op.output].clone();
        self.node("ConvTranspose", &[&input, &weights, &bias], &output, &attributes);
        Ok(())
    }

    fn pool(
        &mut self,
        op: &Operator,
        kind: &str,
        window: Window,
        size: (usize, usize),
    ) -> Result<(), ModelsError> {
        let input = self.value(op, 0)?;
        let pads = self.padding(op, window, size)?;
        let attributes = [
            ("kernel_shape", Attribute::Ints(&[size.0 as i64, size.1 as i64])),
            ("pads", Attribute::Ints(&pads)),
            (
                "strides",
                Attribute::Ints(&[window.stride.0 as i64, window.stride.1 as i64]),
            ),
        ];
        self.activated(kind, &[&input], op.output, window.activation, &attributes);
        Ok(())
    }

    fn reshape(&mut self, op: &Operator, output: &str) -> Result<(), ModelsError> {
        let mut input = self.value(op, 0)?;
        let shape = &self.graph.tensors[op.output].shape;
        if shape.len() == 4 {
            return Err(ModelsError::Unsupported("reshaping into a picture".into()));
        }
        if self.graph.tensors[op.inputs[0]].shape.len() == 4 {
            // The order of the numbers is part of a reshape's meaning: back to rows, columns, channels.
            let turned = self.fresh_name();
            self.node(
                "Transpose",
                &[&input],
                &turned,
                &[("perm", Attribute::Ints(&[0, 2, 3, 1]))],
            );
            input = turned;
        }
        let shape: Vec<i32> = shape.iter().map(|&n| n as i32).collect();
        let shape = self.int_initializer(&shape);
        self.node("Reshape", &[&input, &shape], output, &[]);
        Ok(())
    }

    /// A node, and where the file fuses an activation into it, that one behind it.
    fn activated(
        &mut self,
        kind: &str,
        inputs: &[&str],
        output: usize,
        activation: Activation,
        attributes: &[(&str, Attribute<'_>)],
    ) {
        let output = self.names[output].clone();
        match activation {
            Activation::None => self.node(kind, inputs, &output, attributes),
            Activation::Relu => {
                let linear = self.fresh_name();
                self.node(kind, inputs, &linear, attributes);
                self.node("Relu", &[&linear], &output, &[]);
            }
        }
    }

    /// Explicit numbers for "same": as much as the last window needs, the odd pixel at the far side.
    fn padding(&self, op: &Operator, window: Window, size: (usize, usize)) -> Result<[i64; 4], ModelsError> {
        if !window.same {
            return Ok([0; 4]);
        }
        let &[_, height, width, _] = &self.graph.tensors[op.inputs[0]].shape[..] else {
            return Err(ModelsError::Unsupported(
                "a window over a value without four sides".into(),
            ));
        };
        let along = |side: usize, stride: usize, window: usize| {
            let windows = side.div_ceil(stride.max(1));
            let needed = windows.saturating_sub(1) * stride + window;
            let total = needed.saturating_sub(side) as i64;
            (total / 2, total - total / 2)
        };
        let (top, bottom) = along(height, window.stride.0, size.0);
        let (left, right) = along(width, window.stride.1, size.1);
        Ok([top, left, bottom, right])
    }

    fn bias(&mut self, op: &Operator, channels: usize) -> Result<String, ModelsError> {
        let bias = self.argument(op, 2)?;
        let bias = self.dequantized(bias);
        let numbers = self.floats(bias)?.to_vec();
        if numbers.len() != channels {
            return Err(ModelsError::Unsupported(format!(
                "{} biases for {channels} channels",
                numbers.len()
            )));
        }
        Ok(self.float_initializer(&[channels], &numbers))
    }

    fn argument(&self, op: &Operator, number: usize) -> Result<usize, ModelsError> {
        let tensor = op.inputs.get(number).copied();
        let tensor =
            tensor.ok_or_else(|| ModelsError::Tflite(format!("an operator without input {number}")))?;
        Ok(self.dequantized(tensor))
    }

    /// The constant behind a DEQUANTIZE; any other tensor is itself.
    fn dequantized(&self, tensor: usize) -> usize {
        let source = self.graph.operators.iter().find(|op| op.output == tensor);
        match source {
            Some(op) if matches!(op.kind, Kind::Dequantize) => op.inputs.first().copied().unwrap_or(tensor),
            _ => tensor,
        }
    }

    /// The name of a computed input.
    fn value(&self, op: &Operator, number: usize) -> Result<String, ModelsError> {
        let tensor = self.argument(op, number)?;
        if self.graph.tensors[tensor].data.is_some() {
            return Err(ModelsError::Unsupported(
                "a constant where a computed value is expected".into(),
            ));
        }
        Ok(self.names[tensor].clone())
    }

    fn constant_numbers(&self, tensor: usize) -> Result<&Data, ModelsError> {
        let tensor = &self.graph.tensors[tensor];
        let missing = || ModelsError::Unsupported(format!("{} is computed, not a constant", tensor.name));
        tensor.data.as_ref().ok_or_else(missing)
    }

    fn floats(&self, tensor: usize) -> Result<&[f32], ModelsError> {
        match self.constant_numbers(tensor)? {
            Data::Float(numbers) => Ok(numbers),
            Data::Int(_) => Err(ModelsError::Unsupported(
                "whole numbers where fractions are expected".into(),
            )),
        }
    }

    fn ints(&self, tensor: usize) -> Result<Vec<i32>, ModelsError> {
        match self.constant_numbers(tensor)? {
            Data::Int(numbers) => Ok(numbers.clone()),
            Data::Float(_) => Err(ModelsError::Unsupported(
                "fractions where whole numbers are expected".into(),
            )),
        }
    }

    fn fresh_name(&mut self) -> String {
        self.fresh += 1;
        format!("x{}", self.fresh)
    }

    fn float_initializer(&mut self, shape: &[usize], numbers: &[f32]) -> String {
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        self.initializer(1, shape, &bytes)
    }

    fn int_initializer(&mut self, numbers: &[i32]) -> String {
        let bytes: Vec<u8> = numbers.iter().flat_map(|&n| i64::from(n).to_le_bytes()).collect();
        self.initializer(7, &[numbers.len()], &bytes)
    }

    fn initializer(&mut self, element: u64, shape: &[usize], bytes: &[u8]) -> String {
        let name = self.fresh_name();
        let mut tensor = Message::default();
        for &side in shape {
            tensor.number(1, side as u64);
        }
        tensor.number(2, element);
        tensor.text(8, &name);
        tensor.bytes(9, bytes);
        self.initializers.message(5, &tensor);
        name
    }

    fn node(&mut self, kind: &str, inputs: &[&str], output: &str, attributes: &[(&str, Attribute<'_>)]) {
        let mut node = Message::default();
        for input in inputs {
            node.text(1, input);
        }
        node.text(2, output);
        node.text(3, output);
        node.text(4, kind);
        for (name, value) in attributes {
            let mut attribute = Message::default();
            attribute.text(1, name);
            match value {
                Attribute::Int(number) => {
                    attribute.number(3, *number as u64);
                    attribute.number(20, 2);
                }
                Attribute::Text(text) => {
                    attribute.text(4, text);
                    attribute.number(20, 3);
                }
                Attribute::Ints(numbers) => {
                    for &number in *numbers {
                        attribute.number(8, number as u64);
                    }
                    attribute.number(20, 7);
                }
            }
            node.message(5, &attribute);
        }
        self.nodes.message(1, &node);
    }
}

enum Attribute<'a> {
    Int(i64),
    Ints(&'a [i64]),
    Text(&'a str),
}

/// Rows, columns, channels to channels, rows, columns; other shapes stay.
fn channels_first(shape: &[usize]) -> Vec<usize> {
    match *shape {
        [n, h, w, c] => vec![n, c, h, w],
        _ => shape.to_vec(),
    }
}

/// `order[k]` is the side of the source that becomes side `k`.
fn transposed(numbers: &[f32], shape: [usize; 4], order: [usize; 4]) -> Vec<f32> {
    let [_, b, c, d] = shape;
    let steps = [b * c * d, c * d, d, 1];
    let mut out = Vec::with_capacity(numbers.len());
    for i in 0..shape[order[0]] {
        for j in 0..shape[order[1]] {
            for k in 0..shape[order[2]] {
                for l in 0..shape[order[3]] {
                    let at =
                        i * steps[order[0]] + j * steps[order[1]] + k * steps[order[2]] + l * steps[order[3]];
                    out.push(numbers[at]);
                }
            }
        }
    }
    out
}

fn value_info(name: &str, shape: &[usize]) -> Message {
    let mut sides = Message::default();
    for &side in shape {
        let mut dimension = Message::default();
        dimension.number(1, side as u64);
        sides.message(1, &dimension);
    }
    let mut tensor = Message::default();
    tensor.number(1, 1);
    tensor.message(2, &sides);
    let mut kind = Message::default();
    kind.message(1, &tensor);
    let mut info = Message::default();
    info.text(1, name);
    info.message(2, &kind);
    info
}

/// A protobuf message under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn number(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    fn text(&mut self, field: u64, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    fn message(&mut self, field: u64, value: &Message) {
        self.bytes(field, &value.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_turns_from_rows_first_to_channels_first() {
        // Two filters of 1 x 2 pixels with three channels: [out 2, height 1, width 2, in 3].
        let numbers: Vec<f32> = (0..12u8).map(f32::from).collect();
        let turned = transposed(&numbers, [2, 1, 2, 3], [0, 3, 1, 2]);
        assert_eq!(
            turned,
            [0.0, 3.0, 1.0, 4.0, 2.0, 5.0, 6.0, 9.0, 7.0, 10.0, 8.0, 11.0]
        );
    }

    #[test]
    fn numbers_are_base_128_varints() {
        let mut message = Message::default();
        message.number(1, 300);
        assert_eq!(message.0, [0x08, 0xac, 0x02]);
    }
}
