//! rav1e without type parameters, so that it is compiled once.
//!
//! rav1e is generic over the sample type, and generic code is compiled in the crate that uses it: without this one,
//! every change of the engine would compile the whole encoder twice, for each of its test programs anew.

pub use rav1e::prelude::*;
pub use rav1e::version;

/// An encoder of either sample type.
pub enum AnyContext {
    /// Of 8 bits.
    Eight(Context<u8>),
    /// Of 10 or 12 bits.
    Sixteen(Context<u16>),
}

/// The samples of a picture, plane by plane, each with the samples from one row to the next.
#[derive(Clone, Copy, Debug)]
pub enum Planes<'a> {
    /// Of 8 bits.
    Eight([(&'a [u8], usize); 3]),
    /// Of 10 or 12 bits.
    Sixteen([(&'a [u16], usize); 3]),
}

/// What comes out.
#[derive(Debug)]
pub struct AnyPacket {
    /// The temporal unit.
    pub data: Vec<u8>,
    /// Whether decoding can begin here.
    pub key: bool,
    /// What went in with the frame.
    pub opaque: Option<Opaque>,
}

impl AnyContext {
    /// Opens the encoder for samples of the configuration's bit depth.
    ///
    /// # Errors
    /// The rule that the configuration breaks.
    pub fn new(config: &Config, bit_depth: usize) -> Result<Self, InvalidConfig> {
        if bit_depth == 8 { config.new_context().map(Self::Eight) } else { config.new_context().map(Self::Sixteen) }
    }

    /// Gives it the next picture, of its own size.
    ///
    /// # Errors
    /// [`EncoderStatus::Failure`] when the samples are not of its type; else what rav1e says.
    pub fn send(&mut self, planes: Planes<'_>, parameters: FrameParameters) -> Result<(), EncoderStatus> {
        match (self, planes) {
            (Self::Eight(context), Planes::Eight(planes)) => send(context, planes, parameters),
            (Self::Sixteen(context), Planes::Sixteen(planes)) => send(context, planes, parameters),
            _ => Err(EncoderStatus::Failure),
        }
    }

    /// Takes what is ready.
    ///
    /// # Errors
    /// rav1e's status, most of which are no failures.
    pub fn receive(&mut self) -> Result<AnyPacket, EncoderStatus> {
        match self {
            Self::Eight(context) => context.receive_packet().map(AnyPacket::from),
            Self::Sixteen(context) => context.receive_packet().map(AnyPacket::from),
        }
    }

    /// Says that no picture follows.
    pub fn flush(&mut self) {
        match self {
            Self::Eight(context) => context.flush(),
            Self::Sixteen(context) => context.flush(),
        }
    }
}

impl<T: Pixel> From<Packet<T>> for AnyPacket {
    fn from(packet: Packet<T>) -> Self {
        Self { data: packet.data, key: packet.frame_type == FrameType::KEY, opaque: packet.opaque }
    }
}

fn send<T: Pixel>(
    context: &mut Context<T>,
    planes: [(&[T], usize); 3],
    parameters: FrameParameters,
) -> Result<(), EncoderStatus> {
    let mut picture = context.new_frame();
    for (plane, (samples, stride)) in picture.planes.iter_mut().zip(planes) {
        let (width, target_stride) = (plane.cfg.width, plane.cfg.stride);
        let target = plane.data_origin_mut().chunks_mut(target_stride);
        for (target, row) in target.zip(samples.chunks_exact(stride)) {
            target[..width].copy_from_slice(&row[..width]);
        }
    }
    context.send_frame((picture, parameters))
}
