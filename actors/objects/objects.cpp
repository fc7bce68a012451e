#include "actors/objects/objects.hpp"

#include <utility>

namespace troupe {
namespace {

using self_ptr = objects_actor::stateful_pointer<objects_actor_state>;

stored_object as_message(storage::object_info&& info, blob body = {}) {
  return {std::move(info.key), std::move(body), info.size, std::move(info.etag), info.modified_ms,
    std::move(info.http.content_type), std::move(info.http.cache_control), std::move(info.custom)};
}

result<stored_objects> read(storage::objects& bucket, const object_read& what) {
  auto found = stored_objects{};
  if (what.body) {
    auto whole = get_whole(bucket, what.key, {}, objects_settings::max_body);
    if (!whole)
      return whole.as_failure();
    if (auto& object = whole.value())
      found.push_back(as_message(std::move(object->object), blob{std::move(object->body)}));
  } else {
    auto info = bucket.head(what.key);
    if (!info)
      return info.as_failure();
    if (info.value())
      found.push_back(as_message(std::move(*info.value())));
  }
  return found;
}

result<std::string> store(storage::objects& bucket, stored_object& object) {
  const auto size = object.body.view().size();
  if (size > objects_settings::max_body)
    return fail(ec::bad_request,
      "body: expected at most " + std::to_string(objects_settings::max_body) + " bytes, got " + std::to_string(size));
  auto options = storage::put_options{};
  options.http.content_type = std::move(object.content_type);
  options.http.cache_control = std::move(object.cache_control);
  options.custom = std::move(object.custom);
  auto stored = bucket.put(object.key, storage::source_of(object.body.view()), options);
  if (!stored)
    return stored.as_failure();
  return std::move(stored.value()->etag); // a put without conditions always stores
}

result<std::int64_t> remove(storage::objects& bucket, const std::vector<std::string>& keys) {
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (auto done = bucket.remove(keys[i]); !done)
      return fail(done.error().code, "item " + std::to_string(i + 1) + ": " + done.error().message);
  return static_cast<std::int64_t>(keys.size());
}

result<object_page> list(storage::objects& bucket, object_query& what) {
  auto listed = bucket.list({.prefix = std::move(what.prefix), .cursor = std::move(what.cursor), .limit = what.limit});
  if (!listed)
    return listed.as_failure();
  auto page = object_page{{}, std::move(listed.value().cursor)};
  page.objects.reserve(listed.value().objects.size());
  for (auto& info : listed.value().objects)
    page.objects.push_back(as_message(std::move(info)));
  return page;
}

/// What storage said, counted, for the wire.
template <class T>
caf::result<T> answered(self_ptr self, std::int64_t& counter, result<T> done) {
  ++counter;
  if (done)
    return std::move(done.value());
  ++self->state.errors;
  return make_error(done.error().code, std::move(done.error().message));
}

metrics report(const objects_actor_state& s) {
  const auto labels = fields{{"bucket", s.settings.name}};
  return {
    {"troupe_objects_reads_total", labels, true, s.reads},
    {"troupe_objects_writes_total", labels, true, s.writes},
    {"troupe_objects_errors_total", labels, true, s.errors},
  };
}

} // namespace

objects_actor::behavior_type objects(self_ptr self, objects_settings settings) {
  auto& s = self->state;
  s.settings = std::move(settings);
  return {
    [self, &s](const object_read& what) { return answered(self, s.reads, read(*s.settings.bucket, what)); },
    [self, &s](object_store& what) { return answered(self, s.writes, store(*s.settings.bucket, what.object)); },
    [self, &s](const object_remove& what) { return answered(self, s.writes, remove(*s.settings.bucket, what.keys)); },
    [self, &s](object_query& what) { return answered(self, s.reads, list(*s.settings.bucket, what)); },
    [self](stats_atom) { return report(self->state); },
  };
}

} // namespace troupe
