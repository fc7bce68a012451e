#include "actors/cache/gzip.hpp"

#include <libdeflate.h>

#include <array>
#include <memory>
#include <new>
#include <stdexcept>

namespace troupe {
namespace {

struct release {
  void operator()(libdeflate_compressor* c) const noexcept { libdeflate_free_compressor(c); }
};

constexpr std::size_t levels = 13; // 0 to 12

libdeflate_compressor* at_level(int level) {
  thread_local std::array<std::unique_ptr<libdeflate_compressor, release>, levels> kept;
  auto& c = kept.at(static_cast<std::size_t>(level));
  if (!c)
    c.reset(libdeflate_alloc_compressor(level));
  if (!c)
    throw std::bad_alloc{};
  return c.get();
}

} // namespace

std::string gzip(std::string_view text, int level) {
  auto* compressor = at_level(level);
  std::string out(libdeflate_gzip_compress_bound(compressor, text.size()), '\0');
  const auto size = libdeflate_gzip_compress(compressor, text.data(), text.size(), out.data(), out.size());
  if (size == 0) // the bound makes room enough
    throw std::logic_error{"gzip: the bound was too small"};
  out.resize(size);
  out.shrink_to_fit(); // what is kept is counted by its size
  return out;
}

} // namespace troupe
