//! Joins every kernel in `wgsl/` with what it imports, validates it with naga and emits a table of the kernels.

use naga::{AddressSpace, StorageAccess, TypeInner};
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

fn main() -> ExitCode {
    match emit() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn emit() -> Result<(), Box<dyn Error>> {
    let folder = Path::new("wgsl");
    println!("cargo::rerun-if-changed=wgsl");
    let mut files = wgsl_files(folder)?;
    if env::var_os("CARGO_FEATURE_TEST_KERNELS").is_some() {
        files.extend(wgsl_files(&folder.join("tests"))?);
    }

    let mut table = String::new();
    let mut names = Vec::new();
    for file in files {
        let source = join(folder, &fs::read_to_string(&file)?)?;
        // What is only imported need not be whole by itself.
        if !source.contains("@compute") {
            continue;
        }
        let module = naga::front::wgsl::parse_str(&source)
            .map_err(|error| format!("{}: {}", file.display(), error.emit_to_string(&source)))?;
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty())
            .validate(&module)
            .map_err(|error| format!("{}: {}", file.display(), error.emit_to_string(&source)))?;
        let [entry] = module.entry_points.as_slice() else {
            return Err(format!("{}: one kernel a file", file.display()).into());
        };
        describe(&mut table, &module, entry, &source)?;
        names.push(entry.name.to_uppercase());
    }
    writeln!(
        table,
        "/// Every kernel.\npub const KERNELS: &[&Kernel] = &[{}];",
        names.map_join(|name| format!("&{name}"))
    )?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("kernels.rs"), table)?;
    Ok(())
}

/// Lists the files of a folder, in the order of their names.
fn wgsl_files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let paths: Result<Vec<_>, _> = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut files: Vec<_> = paths?.into_iter().filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

/// Replaces every line `#import NAME` by `wgsl/NAME.wgsl`.
fn join(folder: &Path, source: &str) -> Result<String, Box<dyn Error>> {
    let mut joined = String::new();
    for line in source.lines() {
        match line.strip_prefix("#import ") {
            Some(name) => joined.push_str(&fs::read_to_string(folder.join(name).with_extension("wgsl"))?),
            None => joined.push_str(line),
        }
        joined.push('\n');
    }
    Ok(joined)
}

/// Appends the kernel as a Rust constant.
fn describe(
    table: &mut String,
    module: &naga::Module,
    entry: &naga::EntryPoint,
    source: &str,
) -> Result<(), Box<dyn Error>> {
    let mut bindings = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        let Some(resource) = &variable.binding else { continue };
        let name = variable.name.as_deref().unwrap_or_default();
        let kind = match (variable.space, &module.types[variable.ty].inner) {
            (AddressSpace::Storage { access }, _) if access.contains(StorageAccess::STORE) => "Write".into(),
            (AddressSpace::Storage { .. }, TypeInner::Array { stride, .. }) => format!("Read {{ element: {stride} }}"),
            (space, _) => return Err(format!("{}: {name} is no array, or lies in {space:?}", entry.name).into()),
        };
        bindings.push((resource.binding, format!("Binding {{ name: {name:?}, kind: BindingKind::{kind} }}")));
    }
    bindings.sort();
    if bindings.iter().map(|(index, _)| *index).ne(0..u32::try_from(bindings.len())?) {
        return Err(format!("{}: bindings are numbered from 0 without gaps", entry.name).into());
    }
    let (name, workgroup) = (&entry.name, entry.workgroup_size);
    writeln!(
        table,
        "/// The kernel of this name; its twin is in `src/{name}.rs`.\npub const {}: Kernel = Kernel {{ name: {name:?}, \
         source: {source:?}, workgroup: {workgroup:?}, bindings: &[{}] }};",
        name.to_uppercase(),
        bindings.map_join(|(_, binding)| binding.clone()),
    )?;
    Ok(())
}

/// A list of Rust expressions.
trait MapJoin<T> {
    fn map_join(&self, expression: impl Fn(&T) -> String) -> String;
}

impl<T> MapJoin<T> for Vec<T> {
    fn map_join(&self, expression: impl Fn(&T) -> String) -> String {
        self.iter().map(expression).collect::<Vec<_>>().join(", ")
    }
}
