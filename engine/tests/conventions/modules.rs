//! The modules of a crate: who defines a name, who imports it from where, and which paths are spoken.

use crate::tokens::{Token, is_name, tokens};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A crate's modules, the root first. Those that only tests have are left out.
pub(crate) struct Crate {
    modules: Vec<Module>,
}

struct Module {
    /// Where it is written; inline modules share their parent's.
    file: PathBuf,
    parent: Option<usize>,
    children: HashMap<String, usize>,
    /// Names of what it defines itself.
    items: HashSet<String>,
    /// Name here, and the path that it stands for.
    imports: HashMap<String, Vec<String>>,
    /// Modules and enums all of whose names are imported.
    globs: Vec<Vec<String>>,
    spoken: Vec<Spoken>,
}

/// A path that stands in a file, in an import or elsewhere.
struct Spoken {
    path: Vec<String>,
    line: usize,
}

/// A file's use of what another file defines.
pub(crate) struct Use {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
    pub(crate) path: String,
    pub(crate) line: usize,
}

/// What a path leads to.
enum Target {
    Module(usize),
    /// Something that the module defines.
    Item(usize),
}

impl Crate {
    /// Reads a crate from its root file on.
    pub(crate) fn read(root: &Path) -> Self {
        let mut whole = Self { modules: Vec::new() };
        whole.read_file(root, None, root.parent().unwrap());
        whole
    }

    /// Every use of one file's items by another.
    pub(crate) fn uses(&self) -> Vec<Use> {
        let mut uses = Vec::new();
        for (index, module) in self.modules.iter().enumerate() {
            for Spoken { path, line } in &module.spoken {
                let Some(Target::Item(owner)) = self.resolve(index, path, &mut HashSet::new()) else { continue };
                let (from, to) = (module.file.clone(), self.modules[owner].file.clone());
                if from != to {
                    uses.push(Use { from, to, path: path.join("::"), line: *line });
                }
            }
        }
        uses
    }

    /// `folder` is where the files of its children lie.
    fn read_file(&mut self, file: &Path, parent: Option<usize>, folder: &Path) -> usize {
        let source = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let index = self.add(file, parent);
        self.read_tokens(&tokens(&source), index, folder);
        index
    }

    fn add(&mut self, file: &Path, parent: Option<usize>) -> usize {
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            children: HashMap::new(),
            items: HashSet::new(),
            imports: HashMap::new(),
            globs: Vec::new(),
            spoken: Vec::new(),
        });
        self.modules.len() - 1
    }

    fn read_tokens(&mut self, tokens: &[Token<'_>], module: usize, folder: &Path) {
        let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
        let (mut at, mut depth) = (0, 0);
        let mut file_of_next = None;
        while at < tokens.len() {
            match text(at) {
                "#" if text(at + 1) == "[" => {
                    let end = group_end(tokens, at + 1);
                    let attribute = &tokens[at + 2..end - 1];
                    self.read_attribute(attribute, module);
                    at = if is_for_tests(attribute) { item_end(tokens, end) } else { end };
                    if let [name, _, value] = attribute
                        && name.text == "path"
                    {
                        file_of_next = Some(value.text.trim_matches('"').to_owned());
                    }
                    continue;
                }
                "mod" if is_name(text(at + 1)) && text(at + 2) == ";" => {
                    self.read_child(text(at + 1), file_of_next.take(), module, folder);
                    at += 3;
                    continue;
                }
                "mod" if is_name(text(at + 1)) && text(at + 2) == "{" => {
                    let end = group_end(tokens, at + 2);
                    let child = self.add(&self.modules[module].file.clone(), Some(module));
                    self.modules[module].children.insert(text(at + 1).to_owned(), child);
                    self.read_tokens(&tokens[at + 3..end - 1], child, &folder.join(text(at + 1)));
                    at = end;
                    continue;
                }
                "use" if text(at + 1) != "<" => {
                    let end = at + tokens[at..].iter().position(|token| token.text == ";").unwrap_or(tokens.len() - at);
                    self.read_use(&tokens[at + 1..end], &[], module);
                    at = end;
                }
                "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static"
                    if depth == 0 && is_name(text(at + 1)) =>
                {
                    self.modules[module].items.insert(text(at + 1).to_owned());
                }
                "macro_rules" if depth == 0 => {
                    self.modules[module].items.insert(text(at + 2).to_owned());
                }
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                first
                    if is_name(first) && text(at + 1) == "::" && (at == 0 || !["::", "."].contains(&text(at - 1))) =>
                {
                    let line = tokens[at].line;
                    let mut path = vec![first.to_owned()];
                    while text(at + 1) == "::" && is_name(text(at + 2)) {
                        path.push(text(at + 2).to_owned());
                        at += 2;
                    }
                    self.modules[module].spoken.push(Spoken { path, line });
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn read_child(&mut self, name: &str, file: Option<String>, module: usize, folder: &Path) {
        let file = match file {
            // As the compiler does it: beside the file that says so.
            Some(file) => self.modules[module].file.with_file_name(file),
            None => {
                let alone = folder.join(format!("{name}.rs"));
                if alone.exists() { alone } else { folder.join(name).join("mod.rs") }
            }
        };
        let child = self.read_file(&file, Some(module), &folder.join(name));
        self.modules[module].children.insert(name.to_owned(), child);
    }

    /// Paths in strings, as `#[serde(with = "crate::a::b")]` has them.
    fn read_attribute(&mut self, attribute: &[Token<'_>], module: usize) {
        for token in attribute {
            let path: Vec<_> = token.text.trim_matches('"').split("::").map(str::to_owned).collect();
            if token.text.starts_with('"') && path.len() > 1 && path.iter().all(|name| is_name(name)) {
                self.modules[module].spoken.push(Spoken { path, line: token.line });
            }
        }
    }

    /// Reads what stands between `use` and its semicolon, or a part of it behind `prefix`.
    fn read_use(&mut self, tree: &[Token<'_>], prefix: &[String], module: usize) {
        let mut path = prefix.to_vec();
        let mut rest = tree;
        loop {
            match rest {
                [group, ..] if group.text == "{" => {
                    for part in parts(&rest[1..group_end(rest, 0) - 1]) {
                        self.read_use(part, &path, module);
                    }
                    return;
                }
                [star, ..] if star.text == "*" => {
                    self.modules[module]
                        .spoken
                        .push(Spoken { path: [&path[..], &["*".to_owned()]].concat(), line: star.line });
                    self.modules[module].globs.push(path);
                    return;
                }
                [name, separator, more @ ..] if separator.text == "::" => {
                    path.push(name.text.to_owned());
                    rest = more;
                }
                [name, more @ ..] if is_name(name.text) => {
                    if name.text != "self" || path.is_empty() {
                        path.push(name.text.to_owned());
                    }
                    let called =
                        if let [_, alias] = more { alias.text.to_owned() } else { path[path.len() - 1].clone() };
                    self.modules[module].spoken.push(Spoken { path: path.clone(), line: name.line });
                    self.modules[module].imports.insert(called, path);
                    return;
                }
                // `::std`, or nothing.
                _ => return,
            }
        }
    }

    /// Follows a path that stands in a module; none where it leads out of the crate. `asked` are the names that are being
    /// looked up already.
    fn resolve(&self, module: usize, path: &[String], asked: &mut HashSet<(usize, String)>) -> Option<Target> {
        let mut here = Target::Module(module);
        for (index, name) in path.iter().enumerate() {
            let Target::Module(at) = here else { return Some(here) };
            here = match &name[..] {
                "crate" if index == 0 => Target::Module(0),
                "self" if index == 0 => Target::Module(module),
                "super" => Target::Module(self.modules[at].parent?),
                "*" if self.modules[at].items.is_empty() => Target::Module(at),
                "*" => Target::Item(at),
                _ => match self.look_up(at, name, index + 1 < path.len(), asked) {
                    Some(found) => found,
                    // What a macro made.
                    None if index > 0 => Target::Item(at),
                    None => return None,
                },
            };
        }
        Some(here)
    }

    /// Looks a name up in a module. A module and an item may share it: `more` says that the path goes on.
    fn look_up(&self, at: usize, name: &str, more: bool, asked: &mut HashSet<(usize, String)>) -> Option<Target> {
        let module = &self.modules[at];
        let child = module.children.get(name).map(|&child| Target::Module(child));
        if more && child.is_some() {
            return child;
        }
        if module.items.contains(name) {
            return Some(Target::Item(at));
        }
        if !asked.insert((at, name.to_owned())) {
            return child;
        }
        let imported = module.imports.get(name).and_then(|path| self.resolve(at, path, asked));
        let by_glob = || {
            module.globs.iter().find_map(|path| match self.resolve(at, path, asked)? {
                Target::Module(from) => self.look_up(from, name, more, asked),
                Target::Item(_) => None,
            })
        };
        imported.or_else(by_glob).or(child)
    }
}

/// The place behind the group that opens at `at`.
fn group_end(tokens: &[Token<'_>], at: usize) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

/// The place behind the item, the field or the statement that begins at `at`, its attributes included.
fn item_end(tokens: &[Token<'_>], mut at: usize) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    while text(at) == "#" {
        at = group_end(tokens, at + 1);
    }
    if text(at) == "pub" {
        at = if text(at + 1) == "(" { group_end(tokens, at + 1) } else { at + 1 };
    }
    // Fields and arms end at a comma, which others may have among their type parameters.
    let is_field = text(at + 1) == ":" || text(at + 1) == "=";
    let braces_end_it = text(at) != "use";
    while at < tokens.len() {
        match tokens[at].text {
            ";" => return at + 1,
            "," if is_field => return at + 1,
            "{" if braces_end_it => return group_end(tokens, at),
            "(" | "[" | "{" => at = group_end(tokens, at),
            ")" | "]" | "}" => return at,
            _ => at += 1,
        }
    }
    at
}

/// `cfg(test)`, and `cfg(all(test, ...))`.
fn is_for_tests(attribute: &[Token<'_>]) -> bool {
    let words: Vec<_> = attribute.iter().map(|token| token.text).collect();
    matches!(words[..], ["cfg", "(", "test", ..] | ["cfg", "(", "all", "(", "test", ..])
}

/// Splits at the commas outside braces.
fn parts<'a, 'b>(tokens: &'a [Token<'b>]) -> Vec<&'a [Token<'b>]> {
    let (mut found, mut begin, mut at) = (Vec::new(), 0, 0);
    while at < tokens.len() {
        match tokens[at].text {
            "{" => at = group_end(tokens, at),
            "," => {
                found.push(&tokens[begin..at]);
                (begin, at) = (at + 1, at + 1);
            }
            _ => at += 1,
        }
    }
    found.push(&tokens[begin..]);
    found
}
