//! Which test checks which statements of the standards.

/// A test, and the statements that it would fail for if the broker broke them.
#[derive(Debug)]
pub(crate) struct Covered {
    pub(crate) test: &'static str,
    /// The module that it is in: `conformance::connect`.
    pub(crate) module: &'static str,
    /// By edition of the standard, as the list of statements calls it.
    pub(crate) statements: &'static [(&'static str, &'static [&'static str])],
}

/// Names the tests of a module and what each of them checks: the one place for both.
/// A function that is named here runs as a test, one that is not is dead code, and a
/// name without a function does not compile.
macro_rules! conformance {
    ($($test:ident: $($edition:ident [$($statement:literal),* $(,)?]),+;)*) => {
        pub(crate) const COVERED: &[$crate::registry::Covered] = &[$(
            $crate::registry::Covered {
                test: stringify!($test),
                module: module_path!(),
                statements: &[$(
                    (conformance!(@$edition), &[$(concat!("MQTT-", $statement)),*])
                ),+],
            }
        ),*];

        mod checks {
            $(
                #[test]
                fn $test() {
                    super::$test();
                }
            )*
        }
    };
    (@v5) => { "5.0" };
    (@v3) => { "3.1.1" };
}
