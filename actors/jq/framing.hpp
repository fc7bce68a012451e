// How a mapper's process and its pool speak over a socket: frames of a length (4 bytes, little-endian, of what
// follows), a kind (1 byte) and a payload. Pure. A frame longer than the bound is an error, so that a process that has
// gone wrong cannot make the other side allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::jq {

enum class frame_kind : std::uint8_t {
  program = 'P', ///< to the worker: the text of the next program
  body = 'B',    ///< to the worker: the number of a program (4 bytes, little-endian), then a JSON text
  good = 'G',    ///< from the worker: the program is compiled, or the JSON text that it made
  bad = 'X',     ///< from the worker: why not, in one line
};

struct frame {
  frame_kind kind = frame_kind::bad;
  std::string payload;
};

/// Appends one frame.
void append_frame(std::string& out, frame_kind kind, std::string_view payload);

/// Appends a frame of kind body.
void append_body_frame(std::string& out, std::uint32_t program, std::string_view body);

/// Takes the number of the program from the front of a body frame's payload; nothing when it is too short.
[[nodiscard]] std::optional<std::uint32_t> take_program(std::string_view& payload);

class frame_reader {
public:
  /// `longest`: of a payload, in bytes.
  explicit frame_reader(std::size_t longest) : longest_{longest} {}

  void add(std::string_view bytes) { pending_.append(bytes); }

  /// The next whole frame.
  [[nodiscard]] std::optional<frame> next();

  /// What came is no frame, or too long a one: nothing more will be read.
  [[nodiscard]] bool broken() const noexcept { return broken_; }

private:
  std::size_t longest_;
  std::string pending_;
  bool broken_ = false;
};

} // namespace troupe::jq
