use crate::origin::Origin;
use crate::schema::{self, SECTIONS, Section};
use crate::setting::{Layer, lenient};

/// Built in. They are written as in the environment and read the same way.
pub(crate) fn defaults() -> Layer {
    let fixed = SECTIONS.iter().filter(|section| !section.is_named());
    defaults_of(fixed.map(|section| section.path))
}

/// Those of sections that may have names of the user's.
pub(crate) fn defaults_of<'a>(sections: impl IntoIterator<Item = &'a str>) -> Layer {
    let mut layer = Layer::default();
    for path in sections {
        let path: Vec<&str> = path.split('.').collect();
        let keys = schema::section(&path).into_iter().flat_map(Section::keys);
        for key in keys {
            if let Some(text) = key.default {
                let path = [path.as_slice(), &[key.name]].concat();
                let value = lenient(key.shape, text);
                layer.set(&path, key, &value, 0, &|_| Origin::DEFAULT);
            }
        }
    }
    assert!(layer.problems.is_empty(), "defaults: {:?}", layer.problems);
    layer
}
