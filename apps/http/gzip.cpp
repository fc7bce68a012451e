#include "apps/http/gzip.hpp"

#include <zlib.h>

#include <limits>
#include <new>
#include <stdexcept>

namespace troupe::http {

std::string gzip(std::string_view text, int level) {
  constexpr int gzip_wrapper = 15 + 16; // zlib.h: the largest window, and 16 for a gzip header instead of zlib's
  constexpr int memory = 8;             // zlib.h: the default
  if (text.size() > std::numeric_limits<uInt>::max() / 2)
    throw std::length_error{"gzip: a string over 2 GiB"};
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, gzip_wrapper, memory, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc{};
  std::string out(deflateBound(&stream, text.size()), '\0');
  // zlib's interface is not const-correct; it does not write to its input.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  auto done = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (done != Z_STREAM_END) // deflateBound makes room enough
    throw std::logic_error{"gzip: deflate did not finish"};
  return out;
}

} // namespace troupe::http
