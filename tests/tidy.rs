//! The map is the law: what `src/lib.rs` says of the modules' order holds in every file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A file that fits in one's head.
const FILE_LINES_MAX: usize = 700;

/// The width that `rustfmt.toml` sets; rustfmt leaves strings and comments alone.
const LINE_CHARACTERS_MAX: usize = 100;

/// What only code below the kernel line may name: clocks, threads, sockets, files, locks, seeds.
const KERNEL_WORDS: &[&str] = &[
    "glommio",
    "std::fs",
    "std::net",
    "std::thread",
    "std::time::Instant",
    "SystemTime",
    ".await",
    "async fn",
    "async move",
    "Mutex",
    "RwLock",
    "Rc<RefCell",
    "thread_local",
    "std::env",
    "std::process",
    "RandomState",
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "misc", "impls", "manager",
];

const KERNEL_LINE: &str = "kernel line";

struct Map {
    modules: Vec<String>,
    above_kernel_line: usize,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read_map() -> Map {
    let text = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs is there");
    let (mut modules, mut above_kernel_line) = (Vec::new(), None);
    for line in text.lines() {
        if line.starts_with("// ---") && line.contains(KERNEL_LINE) {
            above_kernel_line = Some(modules.len());
        } else if let Some(name) = line.strip_prefix("pub mod ") {
            modules.push(name.trim_end_matches(';').to_owned());
        }
    }
    Map {
        modules,
        above_kernel_line: above_kernel_line.expect("lib.rs draws the kernel line"),
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("the entry is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// True for the unit tests of a module, which may use the kernel.
fn is_test(path: &Path) -> bool {
    path.components()
        .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

fn is_exempt_from_size(path: &Path) -> bool {
    path.components()
        .any(|part| part.as_os_str() == "generated" || part.as_os_str() == "tables")
}

/// The code of a file up to its tests, line by line, without comments and string contents.
fn code_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut inside_string = false;
    for line in text.lines() {
        if line == "#[cfg(test)]" {
            break;
        }
        let mut code = String::new();
        let mut characters = line.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\\' if inside_string => {
                    characters.next();
                }
                '"' => {
                    inside_string = !inside_string;
                    code.push('"');
                }
                '\'' if !inside_string && characters.peek() == Some(&'"') => {
                    characters.next();
                    characters.next();
                }
                '/' if !inside_string && characters.peek() == Some(&'/') => break,
                _ if inside_string => {}
                _ => code.push(character),
            }
        }
        lines.push(code);
    }
    lines
}

/// The modules of this package that a line of code names by `crate::`.
fn named_modules(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (start, prefix) in code.match_indices("crate::") {
        let rest = &code[start + prefix.len()..];
        if let Some(list) = rest.strip_prefix('{') {
            names.extend(list.split([',', '}']).map(|part| part.trim().to_owned()));
        } else {
            names.push(rest.to_owned());
        }
    }
    names
        .iter()
        .map(|name| {
            name.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect::<String>()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

fn module_of(path: &Path) -> Option<String> {
    let relative = path.strip_prefix(root().join("src")).ok()?;
    let first = relative.components().next()?.as_os_str().to_str()?;
    Some(first.trim_end_matches(".rs").to_owned())
}

fn each_file_of_a_module(mut visit: impl FnMut(&Path, usize, &str)) {
    let map = read_map();
    for path in rust_files(&root().join("src")) {
        let module = module_of(&path).expect("the file is below src");
        if let Some(position) = map.modules.iter().position(|name| *name == module) {
            visit(
                &path,
                position,
                &fs::read_to_string(&path).expect("the file is readable"),
            );
        }
    }
}

fn assert_none(found: &[String], law: &str) {
    assert!(found.is_empty(), "{law}:\n  {}", found.join("\n  "));
}

#[test]
fn a_module_names_only_modules_above_it() {
    let map = read_map();
    let mut found = Vec::new();
    each_file_of_a_module(|path, position, text| {
        for (index, code) in code_lines(text).iter().enumerate() {
            for name in named_modules(code) {
                let named = map.modules.iter().position(|module| *module == name);
                if named.is_some_and(|named| named > position) {
                    found.push(format!("{}:{}: names {name}", path.display(), index + 1));
                }
            }
        }
    });
    assert_none(
        &found,
        "a module may name only modules above it in src/lib.rs",
    );
}

#[test]
fn nothing_above_the_kernel_line_touches_the_kernel() {
    let map = read_map();
    let mut found = Vec::new();
    each_file_of_a_module(|path, position, text| {
        if position >= map.above_kernel_line || is_test(path) {
            return;
        }
        for (index, code) in code_lines(text).iter().enumerate() {
            for word in KERNEL_WORDS.iter().filter(|word| code.contains(**word)) {
                found.push(format!("{}:{}: {word}", path.display(), index + 1));
            }
        }
    });
    assert_none(&found, "above the kernel line these are inputs or effects");
}

#[test]
fn only_memory_and_the_runtime_are_unsafe() {
    let mut found = Vec::new();
    each_file_of_a_module(|path, _, text| {
        let module = module_of(path).expect("the file is of a module");
        let is_allowed = ["stdx", "runtime"].contains(&&*module);
        if !is_allowed && code_lines(text).join("\n").contains("unsafe_code") {
            found.push(path.display().to_string());
        }
    });
    assert_none(&found, "`unsafe` is for `stdx` and `runtime`");
}

#[test]
fn every_folder_of_src_is_on_the_map() {
    let modules: BTreeSet<_> = read_map().modules.into_iter().collect();
    let found: Vec<_> = rust_files(&root().join("src"))
        .iter()
        .filter_map(|path| module_of(path))
        .filter(|module| !modules.contains(module) && module != "lib" && module != "main")
        .collect();
    assert_none(&found, "src/lib.rs does not list");
}

#[test]
fn files_stay_short_and_lines_narrow() {
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for path in rust_files(&root().join(folder)) {
            if is_exempt_from_size(&path) {
                continue;
            }
            let text = fs::read_to_string(&path).expect("the file is readable");
            let count = text.lines().count();
            if count > FILE_LINES_MAX {
                found.push(format!("{}: {count} lines", path.display()));
            }
            for (index, line) in text.lines().enumerate() {
                if line.chars().count() > LINE_CHARACTERS_MAX {
                    found.push(format!("{}:{}: too wide", path.display(), index + 1));
                }
            }
        }
    }
    assert_none(&found, "a file fits in one's head, a line on the screen");
}

#[test]
fn files_are_named_for_what_they_hold() {
    let found: Vec<_> = ["src", "tests", "benches"]
        .iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .filter(|path| {
            path.file_stem()
                .is_some_and(|stem| EMPTY_NAMES.iter().any(|name| stem == *name))
        })
        .map(|path| path.display().to_string())
        .collect();
    assert_none(&found, "a file's name says what it holds");
}

#[test]
fn handlers_of_one_api_do_not_name_another() {
    let folder = root().join("src/shard/api");
    let handlers: BTreeSet<String> = rust_files(&folder)
        .iter()
        .filter_map(|path| path.file_stem()?.to_str().map(str::to_owned))
        .filter(|stem| stem != "mod")
        .collect();
    let mut found = Vec::new();
    for path in rust_files(&folder) {
        let own = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
            .to_owned();
        if own == "mod" {
            continue;
        }
        let text = fs::read_to_string(&path).expect("the file is readable");
        for (index, code) in code_lines(&text).iter().enumerate() {
            for (start, prefix) in code.match_indices("api::") {
                let name: String = code[start + prefix.len()..]
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                if name != own && handlers.contains(&name) {
                    found.push(format!("{}:{}: names {name}", path.display(), index + 1));
                }
            }
        }
    }
    assert_none(&found, "what two handlers share belongs in a core");
}

#[test]
fn the_architecture_document_lists_the_modules_of_the_map() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let found: Vec<_> = read_map()
        .modules
        .into_iter()
        .filter(|module| !text.contains(&format!("| `{module}` |")))
        .collect();
    assert_none(&found, "ARCHITECTURE.md has no row for");
}

#[test]
fn every_module_of_the_map_is_a_logger() {
    let mut modules: Vec<String> = read_map()
        .modules
        .iter()
        .map(|module| format!("forebay.{module}"))
        .collect();
    modules.sort();
    assert_eq!(forebay::config::LOGGERS, modules);
}

/// The fields that a table of resolved settings in `src/config` declares, by `macro_name`.
fn setting_fields(file: &str, macro_name: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("src/config").join(file)).expect("it is readable");
    let opening = format!("\n{macro_name}! {{\n");
    let (_, table) = text.split_once(&opening).expect("the table is there");
    let (table, _) = table.split_once("\n}\n").expect("the table ends");
    let lines = table.lines().filter(|line| !line.contains("///"));
    lines
        .filter_map(|line| {
            let (before, _) = line.split_once(": ")?;
            Some(before.rsplit(' ').next()?.to_owned())
        })
        .collect()
}

#[test]
fn every_setting_that_is_resolved_is_read_by_somebody() {
    let mut fields = setting_fields("broker.rs", "broker_config");
    fields.extend(setting_fields("topic.rs", "topic_config"));
    assert!(
        fields.len() > 40,
        "the tables were not understood: {fields:?}"
    );
    let readers: Vec<String> = rust_files(&root().join("src"))
        .iter()
        .filter(|path| !is_test(path) && !path.starts_with(root().join("src/config")))
        .flat_map(|path| {
            let text = fs::read_to_string(path).expect("the file is readable");
            let code = text.split("#[cfg(test)]\nmod tests {").next();
            let lines = code.unwrap_or_default().lines().map(str::trim_start);
            let lines = lines.filter(|line| !line.starts_with("//"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let is_read = |field: &str| {
        let access = format!(".{field}");
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        readers.iter().any(|line| {
            line.match_indices(&access)
                .any(|(at, _)| !line[at + access.len()..].starts_with(is_name))
        })
    };
    let unread: Vec<String> = fields.into_iter().filter(|field| !is_read(field)).collect();
    assert_none(
        &unread,
        "a setting that is called obeyed is read outside src/config",
    );
}
