// The hot tier's policy and what it costs. Prints a JSON line a case:
//   hit ratios of S3-FIFO (hot_store) beside LRU at equal bytes, on a Zipf(0.9) trace of which 1 % are scans;
//   time of a find and of a put; memory of many answers of 1 kB; readers' latency while all of them expire.
//   cache_policy_bench [ANSWERS]
//     ANSWERS: of the last two (default: 1000000, which take 1.4 GB)
#include "actors/cache/hot_store.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fmt/core.h>
#include <fstream>
#include <list>
#include <malloc.h>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

using namespace troupe;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

double ns_since(clock_type::time_point start) {
  return std::chrono::duration<double, std::nano>(clock_type::now() - start).count();
}

/// Keys such as the book library has.
std::string key_of(std::size_t i) {
  return fmt::format("search:query:the name of book number {}", i);
}

std::string head() {
  return "Content-Type: application/json\r\nCache-Control: public, max-age=3600\r\nX-Provider: cache:kv\r\n"
         "Vary: Accept-Encoding\r\n";
}

/// An answer whose body no other one shares.
rendered answer_of(std::size_t body) {
  rendered r;
  r.plain = blob{std::string(body, 'x')};
  r.head = blob{head()};
  r.etag = "W/\"0123456789abcdef\"";
  r.fresh_until = 1h;
  r.dead_at = 25h;
  return r;
}

/// What hot_store is measured against.
class lru {
public:
  explicit lru(std::size_t max_bytes) : max_bytes_{max_bytes} {}

  bool get_or_put(std::size_t key, std::size_t cost) {
    if (const auto it = where_.find(key); it != where_.end()) {
      order_.splice(order_.begin(), order_, it->second);
      return true;
    }
    while (bytes_ + cost > max_bytes_) {
      bytes_ -= order_.back().second;
      where_.erase(order_.back().first);
      order_.pop_back();
    }
    order_.emplace_front(key, cost);
    where_.emplace(key, order_.begin());
    bytes_ += cost;
    return false;
  }

private:
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::list<std::pair<std::size_t, std::size_t>> order_;
  std::unordered_map<std::size_t, std::list<std::pair<std::size_t, std::size_t>>::iterator> where_;
};

constexpr std::size_t population = 100'000;

/// Requests for `population` keys by Zipf's law with exponent 0.9; after each 99,000 of them come 1,000 that are never
/// seen again.
std::vector<std::size_t> zipf_with_scans(std::size_t requests) {
  std::vector<double> up_to(population);
  double sum = 0;
  for (std::size_t i = 0; i < population; ++i)
    up_to[i] = sum += std::pow(static_cast<double>(i + 1), -0.9);
  std::mt19937_64 random{1};
  std::uniform_real_distribution<double> anywhere{0, sum};
  std::vector<std::size_t> trace;
  auto unseen = population;
  while (trace.size() < requests) {
    for (int i = 0; i < 99'000; ++i) {
      const auto drawn = std::lower_bound(up_to.begin(), up_to.end(), anywhere(random)) - up_to.begin();
      trace.push_back(std::min(static_cast<std::size_t>(drawn), population - 1));
    }
    for (int i = 0; i < 1'000; ++i)
      trace.push_back(unseen++);
  }
  return trace;
}

/// The share of hits among the last three quarters, in percent.
template <class GetOrPut>
double hit_percent(const std::vector<std::size_t>& trace, GetOrPut&& get_or_put) {
  std::size_t hits = 0;
  for (std::size_t i = 0; i < trace.size(); ++i)
    hits += get_or_put(trace[i]) && i >= trace.size() / 4 ? 1 : 0;
  return 100.0 * static_cast<double>(hits) / static_cast<double>(trace.size() - trace.size() / 4);
}

/// @param sizes the bodies' sizes, of which each key has one.
void measure_hits(
  const std::string& label, const std::vector<std::size_t>& trace, const std::vector<std::size_t>& sizes) {
  std::vector<rendered> answers;
  for (const auto size : sizes)
    answers.push_back(answer_of(size));
  const auto answer = [&](std::size_t key) -> const rendered& { return answers[key * 2'654'435'761 % answers.size()]; };
  std::size_t all_bytes = 0;
  for (std::size_t i = 0; i < population; ++i)
    all_bytes += answer(i).bytes() + key_of(i).size();
  for (const std::size_t percent : {1, 5, 10}) {
    const auto bound = all_bytes * percent / 100;
    const auto index = std::make_shared<hot_index>();
    hot_store store{index, bound};
    lru other{bound};
    const auto ours = hit_percent(trace, [&](std::size_t i) {
      const auto key = key_of(i);
      if (index->find(key))
        return true;
      store.put(key, answer(i));
      return false;
    });
    const auto theirs =
      hit_percent(trace, [&](std::size_t i) { return other.get_or_put(i, answer(i).bytes() + key_of(i).size()); });
    fmt::print(
      "{{\"case\":\"hot_hits_{}\",\"cache_percent\":{},\"s3_fifo\":{:.2f},\"lru\":{:.2f},\"points_above\":{:.2f}}}\n",
      label, percent, ours, theirs, ours - theirs);
  }
}

void measure_time() {
  constexpr std::size_t kept = 100'000;
  constexpr std::size_t rounds = 1'000'000;
  const auto some = answer_of(1'000);
  const auto index = std::make_shared<hot_index>();
  hot_store store{index, kept * (some.bytes() + key_of(kept).size())};
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < 4 * kept; ++i)
    keys.push_back(key_of(i));
  for (std::size_t i = 0; i < kept; ++i)
    store.put(keys[i], some);
  std::mt19937 random{2};
  std::size_t found = 0;
  auto start = clock_type::now();
  for (std::size_t i = 0; i < rounds; ++i)
    found += index->find(keys[random() % kept]) ? 1 : 0;
  const auto find_ns = ns_since(start) / rounds;
  start = clock_type::now();
  double longest = 0;
  for (std::size_t i = 0; i < rounds; ++i) {
    const auto each = clock_type::now();
    store.put(keys[random() % keys.size()], some);
    longest = std::max(longest, ns_since(each));
  }
  fmt::print("{{\"case\":\"hot_store\",\"answers\":{},\"find_ns\":{:.0f},\"found\":{},\"put_and_evict_ns\":{:.0f},"
             "\"longest_put_us\":"
             "{:.0f}}}\n",
    store.size(), find_ns, found, ns_since(start) / rounds, longest / 1'000);
}

std::size_t heap() {
  const auto m = mallinfo2();
  return m.uordblks + m.hblkhd;
}

std::size_t resident() {
  std::size_t pages = 0;
  std::ifstream{"/proc/self/statm"} >> pages >> pages;
  return pages * 4'096;
}

/// Heap and resident memory of a store, beside the bytes of its keys and bodies.
void measure_memory(std::size_t answers, std::size_t body) {
  malloc_trim(0); // what an earlier case freed counts as not resident
  const auto before = heap();
  const auto resident_before = resident();
  const auto index = std::make_shared<hot_index>();
  // No bound but the count: some of the last ones then push the first out, and the memory of who left fills.
  const auto cost = answer_of(body).bytes() + key_of(answers).size();
  hot_store store{index, answers * cost};
  std::size_t payload = 0;
  for (std::size_t i = 0; i < answers + answers / 10; ++i) {
    const auto key = key_of(i);
    store.put(key, answer_of(body));
    if (i % 10 != 0) { // nine of ten move on to the main queue
      (void)index->find(key);
      (void)index->find(key);
    }
  }
  for (std::size_t i = 0; i < answers + answers / 10; ++i)
    if (const auto kept = store.find(key_of(i)))
      payload += kept->key().size() + kept->plain.view().size();
  const auto taken = heap() - before;
  const auto of = [&](std::size_t bytes) { return static_cast<double>(bytes) / static_cast<double>(store.size()); };
  fmt::print("{{\"case\":\"hot_memory\",\"answers\":{},\"body\":{},\"heap_per_answer\":{:.0f},\"resident_mb\":{},"
             "\"accounted\":{:.0f},"
             "\"heap_to_keys_and_bodies\":{:.3f}}}\n",
    store.size(), body, of(taken), (resident() - resident_before) / 1'000'000, of(store.bytes()),
    static_cast<double>(taken) / static_cast<double>(payload));
}

double at(std::vector<double>& sorted, double share) {
  return sorted.empty() ? 0 : sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

/// One thread reads all the time while another drops everything, 1,000 entries a step.
void measure_expiry(std::size_t answers) {
  const auto index = std::make_shared<hot_index>();
  hot_store store{index, answers * 2'000};
  for (std::size_t i = 0; i < answers; ++i)
    store.put(key_of(i), answer_of(1'000));
  std::atomic<bool> stop{false};
  std::vector<double> reads;
  reads.reserve(20'000'000);
  std::thread reader{[&] {
    std::mt19937 random{3};
    while (!stop && reads.size() < reads.capacity()) {
      const auto key = key_of(random() % answers);
      const auto start = clock_type::now();
      const auto found = index->find(key);
      reads.push_back(ns_since(start) / 1'000);
    }
  }};
  const auto begun = clock_type::now();
  double longest_step = 0;
  std::size_t dropped = 0;
  while (store.size() > 0) {
    const auto step = clock_type::now();
    dropped += store.sweep(30h, 1'000);
    longest_step = std::max(longest_step, ns_since(step) / 1'000);
  }
  const auto took = ns_since(begun) / 1e6;
  stop = true;
  reader.join();
  std::sort(reads.begin(), reads.end());
  fmt::print("{{\"case\":\"hot_mass_expiry\",\"dropped\":{},\"ms\":{:.0f},\"longest_step_us\":{:.0f},\"reads\":{},"
             "\"p50_us\":{:.2f},"
             "\"p99_us\":{:.2f},\"p999_us\":{:.2f},\"longest_us\":{:.0f}}}\n",
    dropped, took, longest_step, reads.size(), at(reads, 0.5), at(reads, 0.99), at(reads, 0.999), at(reads, 1));
}

} // namespace

int main(int argc, char** argv) {
  const std::size_t answers = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const auto trace = zipf_with_scans(1'500'000);
  measure_hits("1kB", trace, {1'000});
  measure_hits("100B_to_4kB", trace, {100, 300, 500, 800, 1'000, 1'500, 2'500, 4'000});
  measure_time();
  for (const std::size_t body : {1'000, 1'024})
    measure_memory(answers, body);
  measure_expiry(answers);
}
