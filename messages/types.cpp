#include "messages/types.hpp"

namespace troupe {

std::string_view to_string(strategy s) noexcept {
  return s == strategy::merge ? "merge" : "fallback";
}

bool parse(std::string_view text, strategy& out) noexcept {
  if (text == "merge")
    out = strategy::merge;
  else if (text == "fallback")
    out = strategy::fallback;
  else
    return false;
  return true;
}

std::string_view to_string(priority p) noexcept {
  switch (p) {
  case priority::interactive:
    return "interactive";
  case priority::batch:
    return "batch";
  case priority::warming:
    return "warming";
  }
  return "unknown"; // from a node that knows more of them
}

bool parse(std::string_view text, priority& out) noexcept {
  for (const auto each : {priority::interactive, priority::batch, priority::warming})
    if (text == to_string(each)) {
      out = each;
      return true;
    }
  return false;
}

} // namespace troupe
