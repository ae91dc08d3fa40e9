//! Sizes of the device's buffers and places in them, each with the type of its buffer: a place in one is none in another.

use std::marker::PhantomData;

/// Bytes of a word, the unit of all sizes and places.
pub(super) const WORD: usize = 4;

/// The buffer that is uploaded to: parameters, filters, samples.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Input;

/// The buffer of intermediate samples.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Middle;

/// The buffer of the rungs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Output;

/// A size of buffer `B`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BufferSize<B> {
    words: usize,
    buffer: PhantomData<B>,
}

impl<B> BufferSize<B> {
    /// Makes it larger by so many words; gives the place where these begin.
    pub(super) fn grow(&mut self, words: usize) -> Offset<B> {
        let place = Offset { words: self.words, buffer: PhantomData };
        self.words += words;
        place
    }

    pub(super) fn bytes(self) -> usize {
        self.words * WORD
    }
}

/// A place in buffer `B`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offset<B> {
    words: usize,
    buffer: PhantomData<B>,
}

impl<B> Offset<B> {
    /// Counts words, as kernels do.
    pub(super) fn word(self) -> u32 {
        self.words as u32
    }

    /// Counts bytes, as the host does.
    pub(super) fn byte(self) -> usize {
        self.words * WORD
    }

    /// Gives the place so many words further on.
    pub(super) fn plus(self, words: usize) -> Self {
        Self { words: self.words + words, ..self }
    }
}
