// Takes a multipart/form-data body apart (RFC 7578, RFC 2046 5.1) as it arrives, in pieces of any size: the fields of
// each part and its bytes, of which none is held. Pure.
//
// Strict where two readers could differ: every line ends in CR LF, a line that begins with the boundary is a delimiter
// or an error, each part has one Content-Disposition `form-data` with a name, and the body ends with its last
// delimiter. What stands before the first delimiter and behind the last one is ignored, as RFC 2046 says.
#pragma once

#include "messages/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::http {

/// What is known of a part before its bytes. Views are gone when on_part() returns.
struct part_head {
  std::string_view name; ///< of the form's field, as sent: browsers write `"` as %22, CR LF as %0D%0A
  std::optional<std::string_view> filename; ///< likewise; a path in it is the client's, and never one of ours
  std::string_view type;                    ///< Content-Type as sent, or "text/plain" (RFC 7578 4.4)
};

/// Who takes the parts, in order: on_part, on_bytes any number of times, on_part_end.
class part_consumer {
public:
  virtual ~part_consumer() = default;

  virtual void on_part(const part_head& head) = 0;
  virtual void on_bytes(std::string_view bytes) = 0; ///< at least one
  virtual void on_part_end() = 0;
};

/// What a form may be made of; what goes beyond is an error. The parts' bytes are bounded by the body's bound.
struct multipart_bounds {
  std::size_t header_bytes = 8'192; ///< of one part's header block
  std::size_t parts = 100;
};

/// The boundary in the value of a Content-Type. ec::bad_request when that is not multipart/form-data, or the boundary
/// is missing or not 1 to 70 of the characters that RFC 2046 allows.
[[nodiscard]] result<std::string> multipart_boundary(std::string_view content_type);

class multipart_parser {
public:
  /// `boundary` as multipart_boundary() gives it. `to` outlives this.
  multipart_parser(std::string_view boundary, part_consumer& to, const multipart_bounds& bounds = {});

  /// Goes on with the next bytes. ec::bad_request says what is wrong with them; nothing may be fed after that.
  [[nodiscard]] result<void> feed(std::string_view bytes);

  /// To be called at the end of the body: ec::bad_request when it ends before its last delimiter.
  [[nodiscard]] result<void> finish() const;

private:
  enum class at : std::uint8_t { preamble, behind_boundary, dash, padding, padding_lf, header, body, epilogue };

  [[nodiscard]] std::string_view content(std::string_view bytes);
  void hand_over(std::string_view bytes);
  [[nodiscard]] result<void> on_byte(char c);
  [[nodiscard]] result<void> on_header(char c);
  [[nodiscard]] result<void> on_header_line();
  [[nodiscard]] result<void> begin_part();

  const std::string delimiter_; // CR LF "--" boundary; no other CR is in it
  part_consumer& to_;
  const multipart_bounds bounds_;

  at at_ = at::preamble;
  // Of the delimiter, so much has been seen; of that, so much is the line end of what stands before and no content. A
  // body begins as if behind a line end.
  static constexpr std::size_t line_end = 2;
  std::size_t matched_ = line_end;
  std::size_t implied_ = line_end;
  std::size_t parts_ = 0;
  std::size_t header_bytes_ = 0; // of this part, or of a delimiter's padding
  std::string line_;             // of a part's header, so far
  std::string disposition_;      // of this part, what follows "form-data"
  std::string type_;
  bool has_disposition_ = false;
  bool has_type_ = false;
};

} // namespace troupe::http
