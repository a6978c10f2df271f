//! The data plane: listeners, connections, sessions of this node's clients, routing.
