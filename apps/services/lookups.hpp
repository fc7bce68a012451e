// What the book services have in common: asking the cache, and turning its answers into theirs.
#pragma once

#include "apps/books/services.hpp"
#include "apps/query/parameters.hpp"
#include "apps/services/service.hpp"
#include "messages/cache.hpp"

#include <functional>
#include <string>
#include <vector>

namespace troupe {

/// What a session of a book service asks and says.
struct book_services {
  std::vector<cache_actor> shards;
  books::endpoint_defaults defaults;
  bool has_isbndb = false;               // there is a key for it
  std::function<std::int64_t()> wall_ms; // the wall clock, for `timestamp`
};

/// A request's path and query, decoded.
struct service_target {
  std::vector<std::string> segments; // "author", "Frank Herbert"
  fields query;
};

/// Fails with ec::bad_request: an escape that is none.
[[nodiscard]] result<service_target> target_of(std::string_view path);

/// Asks the shard that owns the question's key, within the call's time; `done` gets its answer, inside the session.
void look_up(session_ptr self, const book_services& books, const call_ref& call, const call_head& head, inquiry about,
  bool bypass, std::function<void(answer&&)> done);

/// An answer of the cache as a service's: its body and fixed header lines, or the error that it is (S0-48).
[[nodiscard]] service_response to_response(const answer& a, std::string_view failed);

/// `{"error","message"}`, the services' own error shape, which the door makes a problem of for whoever wants one.
[[nodiscard]] service_response error_response(int status, std::string error, std::string message = {});

/// 405: their paths are read, and nothing else.
[[nodiscard]] service_response method_not_allowed();

/// 400 in that shape.
[[nodiscard]] service_response bad_request(const error& why);

/// The same answer in the typed form: its body, or the error that its status is.
[[nodiscard]] service_result to_result(service_response&& r);

} // namespace troupe
