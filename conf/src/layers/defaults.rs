use crate::origin::Origin;
use crate::schema::KEYS;
use crate::setting::{Layer, lenient};

/// Built in. They are written as in the environment and read the same way.
pub(crate) fn defaults() -> Layer {
    let mut layer = Layer::default();
    for key in &KEYS {
        if let Some(text) = key.default {
            layer.set(key, &lenient(key.shape, text), 0, &|_| Origin::DEFAULT);
        }
    }
    assert!(layer.problems.is_empty(), "defaults: {:?}", layer.problems);
    layer
}
