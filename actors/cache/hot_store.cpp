#include "actors/cache/hot_store.hpp"

#include <algorithm>
#include <utility>

namespace troupe {
namespace {

// The small queue's share of the bytes: one in so many. The paper takes a tenth; a twentieth gains a third of a point
// on the traces of bench/cache_policy_bench.
constexpr std::size_t small_share = 20;

// Reads that lift an entry out of the small queue: two, as in the paper. One may be the retry of who put it there.
constexpr std::uint8_t lifting_reads = 2;

// What one eviction passes over at most, in each queue. Were everything read, the hand would go round and round
// through all entries, with everybody waiting; so the next one then goes although it was read.
constexpr int patience = 256;

// Different heads are few (a provider tag and a lifetime each); should they not be, they are not shared for ever.
constexpr std::size_t most_heads = 4'096;

// A string grown while it was written may hold much more than its text.
blob tight(const blob& body) {
  if (!body.bytes || body.bytes->capacity() <= std::max<std::size_t>(64, body.bytes->size() + body.bytes->size() / 32))
    return body;
  return blob{std::string{body.view()}};
}

} // namespace

hot_store::hot_store(std::shared_ptr<hot_index> index, std::size_t max_bytes)
    : index_{std::move(index)}, max_bytes_{max_bytes} {}

hot_store::~hot_store() {
  for (auto* q : {&small_, &main_})
    while (q->oldest)
      drop(*q->oldest);
}

bool hot_store::put(std::string_view key, const rendered& answer) {
  if (!fits(key, answer)) {
    erase(key);
    return false;
  }
  auto kept = answer;
  kept.head = shared(answer.head);
  kept.plain = tight(answer.plain);
  kept.gzip = tight(answer.gzip);
  const auto entry = hot_entry::make(key, kept);
  bool to_main = false;
  if (const auto known = index_->peek(key)) {
    // A new answer to the same question: as wanted as the old one. That stays published until this one is.
    auto& old = const_cast<hot_entry&>(*known);
    to_main = old.in_main_;
    entry->reads_.store(old.reads_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    unlink(old);
  } else {
    to_main = left_.take(hash_of_key(key));
  }
  while (bytes() + entry->bytes() > max_bytes_)
    evict_one();
  append(*entry, to_main);
  index_->publish(entry);
  return true;
}

void hot_store::erase(std::string_view key) {
  if (const auto known = index_->peek(key))
    drop(const_cast<hot_entry&>(*known));
}

std::size_t hot_store::sweep(std::chrono::nanoseconds now, std::size_t at_most) {
  std::size_t dropped = 0;
  for (at_most = std::min(at_most, size()); at_most > 0; --at_most) {
    if (sweeps_ == nullptr)
      sweeps_ = small_.oldest ? small_.oldest : main_.oldest;
    auto& e = *sweeps_;
    if (now >= e.dead_at) {
      drop(e); // moves sweeps_ on
      ++dropped;
    } else {
      sweeps_ = e.behind_ || e.in_main_ ? e.behind_ : main_.oldest;
    }
  }
  expired_ += dropped;
  return dropped;
}

void hot_store::append(hot_entry& e, bool to_main) {
  auto& q = to_main ? main_ : small_;
  e.in_main_ = to_main;
  e.before_ = q.newest;
  e.behind_ = nullptr;
  (q.newest ? q.newest->behind_ : q.oldest) = &e;
  q.newest = &e;
  q.bytes += e.bytes();
  ++q.size;
}

void hot_store::unlink(hot_entry& e) {
  auto& q = e.in_main_ ? main_ : small_;
  if (sweeps_ == &e)
    sweeps_ = e.behind_ || e.in_main_ ? e.behind_ : main_.oldest;
  (e.before_ ? e.before_->behind_ : q.oldest) = e.behind_;
  (e.behind_ ? e.behind_->before_ : q.newest) = e.before_;
  q.bytes -= e.bytes();
  --q.size;
}

// Unpublishing frees it, unless somebody reads it.
void hot_store::drop(hot_entry& e) {
  unlink(e);
  index_->unpublish(e.key());
}

void hot_store::evict_one() {
  ++evicted_;
  if (main_.oldest == nullptr || small_.bytes >= max_bytes_ / small_share) {
    auto& e = victim_of_small();
    if (!e.in_main_) {
      // As many as the main queue holds, as in the paper.
      left_.remember(main_.size);
      left_.add(hash_of_key(e.key()));
    }
    return drop(e);
  }
  drop(victim_of_main());
}

hot_entry& hot_store::victim_of_small() {
  for (int i = 0; i < patience && small_.oldest; ++i) {
    auto& e = *small_.oldest;
    if (e.reads_.load(std::memory_order_relaxed) < lifting_reads)
      return e;
    e.reads_.store(0, std::memory_order_relaxed);
    unlink(e);
    append(e, true);
  }
  return small_.oldest ? *small_.oldest : victim_of_main();
}

hot_entry& hot_store::victim_of_main() {
  for (int i = 0; i < patience; ++i) {
    auto& e = *main_.oldest;
    const auto reads = e.reads_.load(std::memory_order_relaxed);
    if (reads == 0)
      return e;
    e.reads_.store(reads - 1, std::memory_order_relaxed);
    unlink(e);
    append(e, true);
  }
  return *main_.oldest;
}

// The same text as one that is kept already, if there is one.
blob hot_store::shared(const blob& head) {
  if (const auto it = heads_.find(head.view()); it != heads_.end())
    return it->second;
  if (heads_.size() >= most_heads)
    heads_.clear();
  auto kept = tight(head);
  if (kept.bytes)
    heads_.emplace(kept.view(), kept);
  return kept;
}

} // namespace troupe
