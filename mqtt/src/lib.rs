//! One client's side of MQTT 3.1, 3.1.1 and 5.0, as pure data and pure functions.
