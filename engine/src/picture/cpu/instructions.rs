//! Which vector instructions scale.

use super::simd::Portable;
#[cfg(target_arch = "x86_64")]
use super::simd::Simd;
use super::strips::{self, RungPlane, StripMemory};
#[cfg(target_arch = "x86_64")]
use super::x86;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::picture::info::DeviceInfo;
use crate::picture::plane_node::PlaneTwin;
use std::sync::LazyLock;
use upright_shaders::plane::{PlaneArea, PlaneAreaMut};

/// Name of the environment variable that chooses the CPU's vector instructions: `avx512`, `avx2` or `portable`. It is for
/// tests and benches; the fastest that the processor has are taken without it.
pub const CPU_PATH: &str = "UPRIGHT_CPU";

/// The vector instructions that are used.
#[derive(Clone, Copy, Debug)]
pub(in crate::picture) enum Instructions {
    #[cfg(target_arch = "x86_64")]
    Avx512(x86::Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    Portable,
}

impl Instructions {
    /// All that this processor has, the fastest first.
    pub(super) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(x86::Avx512::detect().map(Self::Avx512));
            all.extend(x86::Avx2::detect().map(Self::Avx2));
        }
        all.push(Self::Portable);
        all
    }

    /// Chooses those that the environment variable [`CPU_PATH`] names, else the fastest. The variable is read once.
    ///
    /// # Errors
    /// [`Error::Device`] when it names none, or none that this processor has.
    pub(in crate::picture) fn chosen() -> Result<Self> {
        static CHOSEN: LazyLock<std::result::Result<Instructions, String>> = LazyLock::new(|| {
            let name = std::env::var_os(CPU_PATH).map(|name| name.to_string_lossy().into_owned());
            Instructions::named(name.as_deref())
        });
        CHOSEN.clone().map_err(|why| Error::Device { device: "cpu".to_owned(), why })
    }

    /// The instructions of a name in the environment; the fastest where there is none.
    fn named(name: Option<&str>) -> std::result::Result<Self, String> {
        let all = Self::all();
        let Some(name) = name else { return Ok(all.first().copied().unwrap_or(Self::Portable)) };
        all.iter().copied().find(|found| found.key() == name).ok_or_else(|| {
            let names = all.iter().map(|found| found.key()).collect::<Vec<_>>().join(", ");
            format!("{CPU_PATH} is {name}, and this processor can do {names}; name one of those, or unset it")
        })
    }

    /// Its name in the environment.
    fn key(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            Self::Portable => "portable",
        }
    }

    /// Describes the CPU that runs them.
    pub(super) fn describe(self) -> DeviceInfo {
        let detail = format!("{}, {}", std::env::consts::ARCH, self.name());
        DeviceInfo { name: "cpu".into(), kind: "cpu", detail }
    }

    /// Says whether they have a fast [`super::simd::Simd::pick`].
    pub(super) fn picks(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => false,
            Self::Portable => false,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "AVX2",
            Self::Portable if cfg!(target_arch = "x86_64") => "SSE2",
            Self::Portable if cfg!(target_feature = "neon") => "NEON",
            Self::Portable => "no vector instructions of our own",
        }
    }
}

/// Describes the CPU.
pub(in crate::picture) fn info() -> DeviceInfo {
    Instructions::chosen().unwrap_or(Instructions::Portable).describe()
}

impl Instructions {
    /// Has a twin make a plane with these instructions.
    #[expect(unsafe_code, reason = "calls functions compiled for more than the least processor")]
    pub(super) fn make_planes<S>(self, twin: &PlaneTwin<S>, sources: &[PlaneArea<'_, S>], output: PlaneAreaMut<'_, S>) {
        match self {
            // SAFETY: the value of the instruction set's type proves that the processor has it.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => unsafe { (twin.avx512)(sources, output) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => unsafe { (twin.avx2)(sources, output) },
            Self::Portable => (twin.portable)(sources, output),
        }
    }

    /// Scales a plane for all rungs with these instructions.
    #[expect(unsafe_code, reason = "calls functions compiled for more than the least processor")]
    pub(super) fn scale_plane(
        self,
        source: &Frame,
        plane: usize,
        rungs: &mut [RungPlane<'_>],
        memory: &mut StripMemory,
    ) {
        /// [`strips::scale_plane`] compiled for some vector instructions.
        #[cfg(target_arch = "x86_64")]
        macro_rules! compiled_for {
            ($features:literal, $simd:expr) => {{
                #[target_feature(enable = $features)]
                fn compiled(
                    simd: impl Simd,
                    source: &Frame,
                    plane: usize,
                    rungs: &mut [RungPlane<'_>],
                    memory: &mut StripMemory,
                ) {
                    strips::scale_plane(simd, source, plane, rungs, memory);
                }
                // SAFETY: the value of the instruction set's type proves that the processor has it.
                unsafe { compiled($simd, source, plane, rungs, memory) }
            }};
        }
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => compiled_for!("avx2,avx512f,avx512bw,avx512vbmi,avx512vnni", simd),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => compiled_for!("avx2", simd),
            Self::Portable => strips::scale_plane(Portable, source, plane, rungs, memory),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_chosen_by_name_and_else_the_fastest_are() {
        for (index, instructions) in Instructions::all().into_iter().enumerate() {
            let named = Instructions::named(Some(instructions.key())).unwrap();
            assert_eq!(named.name(), instructions.name());
            if index == 0 {
                assert_eq!(Instructions::named(None).unwrap().name(), named.name());
            }
        }
        assert_eq!(Instructions::all().last().map(|last| last.key()), Some("portable"));
        for wrong in ["", "AVX2", "neon", "sse9"] {
            let why = Instructions::named(Some(wrong)).unwrap_err();
            assert!(why.contains("UPRIGHT_CPU") && why.contains("portable"), "{why}");
        }
    }
}
