// A call of a service as values, in both of its forms: shaped like an HTTP request, or a method with arguments.
// Standard library alone, because the pure cores behind services decide over them.
#pragma once

#include "messages/errors.hpp"
#include "messages/types.hpp"

#include <chrono>

namespace troupe {

/// What every call of a service carries.
struct call_head {
  std::uint64_t id = 0;          // the caller's own, to cancel it by
  std::int64_t remaining_us = 0; // until the caller's deadline
  std::string traceparent;       // W3C Trace Context; may be empty
  troupe::priority priority = troupe::priority::interactive;
  bool probe = false;   // of a circuit that is half-open: its failure ends the life that is asked
  bool hurried = false; // its caller gave it so little time that its failure says nothing about the service
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, call_head& x) {
  return f(x.id, x.remaining_us, x.traceparent, x.priority, x.probe, x.hurried);
}

/// The HTTP-shaped form (S2-11). `path` is the path with its query; an absolute address is taken too, its host never
/// routes (DECISIONS C-01).
struct service_request {
  call_head head;
  std::string method = "GET";
  std::string path;
  fields headers;
  blob body;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, service_request& x) {
  return f(x.head, x.method, x.path, x.headers, x.body);
}

/// Its answer. `code` is none for every complete one, whatever its status; else it says why there is none and `detail`
/// says so in words. `cause` is what a status of 400 and above came of, where that is known: several have one status,
/// and not all of them are the service's fault.
struct service_response {
  ec code = ec::none;
  std::string detail;
  std::int32_t status = 0;
  fields headers;
  blob body;
  ec cause = ec::none;

  /// The value of the first field of that name, written in any case; empty: none.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, service_response& x) {
  return f(x.code, x.detail, x.status, x.headers, x.body, x.cause);
}

/// The typed form (S2-12): a method of the entrypoint that the binding names, with its arguments by name.
struct service_call {
  call_head head;
  std::string method;
  fields arguments;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, service_call& x) {
  return f(x.head, x.method, x.arguments);
}

/// What a method returned: JSON text, or why not.
struct service_result {
  ec code = ec::none;
  std::string detail;
  blob data;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, service_result& x) {
  return f(x.code, x.detail, x.data);
}

/// An answer that says why there is none.
template <class Answer>
[[nodiscard]] Answer refused(error why);
template <>
[[nodiscard]] service_response refused(error why);
template <>
[[nodiscard]] service_result refused(error why);

/// Says when to come back (RFC 9110 10.2.3): whole seconds, rounded up, at least 1.
void set_retry_after(service_response& r, std::chrono::nanoseconds wait);

/// "12.34": milliseconds with two decimals (S2-61).
[[nodiscard]] std::string milliseconds(std::chrono::microseconds took);

/// Whether an answer can be passed on (S2-78): a final status, and header fields that are none of a connection's own
/// and cannot be read as two (RFC 9110 5). provider_malformed says what it is about.
[[nodiscard]] error fault_of(const service_response& r);
[[nodiscard]] error fault_of(const service_result& r);

/// What an answer says of the service (S2-15, S2-54, DECISIONS C-06): none; provider_failed or provider_timeout for a
/// server's error and for whatever prevented an answer, which count against its circuit; any code that does not
/// (trips_circuit) as it is: the caller's doing (provider_refused, cancelled), another's (its upstream refused), or a
/// want of leave (a 503 that says when to come back is overloaded: the service lives).
[[nodiscard]] ec verdict_of(const service_response& r) noexcept;
[[nodiscard]] ec verdict_of(const service_result& r) noexcept;

} // namespace troupe
