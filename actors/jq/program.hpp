// One jq program, compiled: libjq behind a small door. It runs in a mapper's process alone (worker.hpp), because it can
// neither be interrupted nor bounded, and ends the process by abort() when memory runs out.
#pragma once

#include "messages/result.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct jq_state;

namespace troupe::jq {

/// What a program may make of one body, in bytes of JSON text: as much as an upstream's answer may have.
inline constexpr std::size_t longest_output = 8 << 20;

class program {
public:
  /// Compiles. Error config_invalid: "line 2: syntax error, unexpected '}'". jq tells the line, not the column.
  [[nodiscard]] static result<program> compile(const std::string& text);

  /// Runs over a JSON text: the one output as JSON text; of several outputs an array; of none `null`. Error
  /// provider_malformed: the body is no JSON, the program failed on it, or its output is too long.
  [[nodiscard]] result<std::string> run(std::string_view body);

private:
  struct closer {
    void operator()(jq_state* state) const noexcept;
  };
  explicit program(std::unique_ptr<jq_state, closer> state) : state_{std::move(state)} {}

  std::unique_ptr<jq_state, closer> state_;
};

/// jq's complaint about a program as one line: "line 2: syntax error, unexpected '}'". Pure.
[[nodiscard]] std::string compile_error(std::string_view said);

} // namespace troupe::jq
