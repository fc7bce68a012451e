// A foot in the actor system for threads outside of it: what they hand in is run within this actor, where it may ask
// others and go on with their answers.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/send.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <utility>

namespace troupe {

struct gate_call;

using gate_actor = caf::typed_actor<
  // Run this.
  caf::reacts_to<gate_call>>;

struct gate_call {
  std::function<void(gate_actor::pointer)> run;
};

/// The gate actor's behaviour.
gate_actor::behavior_type batch_gate(gate_actor::pointer self);

/// Runs `f(self)` within the gate.
template <class F>
void within(const gate_actor& gate, F f) {
  caf::anon_send(gate, gate_call{std::move(f)});
}

} // namespace troupe

// Functions never leave the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::gate_call)
