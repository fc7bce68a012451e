#include "actors/cache/hot_entry.hpp"

#include <algorithm>
#include <new>

namespace troupe {

boost::intrusive_ptr<hot_entry> hot_entry::make(std::string_view key, const rendered& answer) {
  auto* place = ::operator new(sizeof(hot_entry) + key.size() + answer.etag.size());
  return boost::intrusive_ptr<hot_entry>{new (place) hot_entry{key, answer}};
}

hot_entry::hot_entry(std::string_view key, const rendered& answer)
    : plain{answer.plain}, gzip{answer.gzip}, head{answer.head}, stored_at{answer.stored_at},
      fresh_until{answer.fresh_until}, dead_at{answer.dead_at}, key_size_{static_cast<std::uint32_t>(key.size())},
      etag_size_{static_cast<std::uint16_t>(answer.etag.size())}, status_{static_cast<std::int16_t>(answer.status)} {
  auto* to = reinterpret_cast<char*>(this) + sizeof(hot_entry);
  std::copy(answer.etag.begin(), answer.etag.end(), std::copy(key.begin(), key.end(), to));
}

rendered hot_entry::value() const {
  return {status_, plain, gzip, head, std::string{etag()}, stored_at, fresh_until, dead_at};
}

void intrusive_ptr_release(const hot_entry* e) noexcept {
  if (e->owners_.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  e->~hot_entry();
  ::operator delete(const_cast<hot_entry*>(e));
}

} // namespace troupe
