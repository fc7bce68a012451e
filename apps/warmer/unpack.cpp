#define ZLIB_CONST // its input is not changed
#include "apps/warmer/unpack.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <zlib.h>

namespace troupe {
namespace {

constexpr std::string_view magic = "\x1f\x8b"; // RFC 1952 2.3.1

// Plain bytes handed over at once; in the second-level cache when the sink reads them.
constexpr std::size_t piece = std::size_t{64} << 10;

constexpr int gzip_alone = 16 + MAX_WBITS; // zlib.h, inflateInit2

auto damaged(const std::string& what) {
  return fail(ec::bad_request, "the gzip file is damaged: " + what);
}

auto cut_off() {
  return fail(ec::bad_request, "the gzip file is cut off");
}

} // namespace

bool is_gzip(std::string_view beginning) noexcept {
  return beginning.starts_with(magic);
}

void unpacker::end_inflate::operator()(z_stream_s* z) const noexcept {
  inflateEnd(z);
  delete z;
}

unpacker::unpacker(std::int64_t most_bytes) : most_bytes_{most_bytes} {}
unpacker::~unpacker() = default;

result<void> unpacker::feed(std::string_view chunk, const plain_sink& sink) {
  if (standing_)
    standing_ = take(chunk, sink);
  return standing_;
}

result<void> unpacker::finish() {
  if (!standing_)
    return standing_;
  const bool within = at_ == at::member || magic_ > 0;
  if (within)
    standing_ = cut_off();
  return standing_;
}

result<void> unpacker::take(std::string_view chunk, const plain_sink& sink) {
  while (!chunk.empty()) {
    switch (at_) {
    case at::plain:
      return give(chunk, sink);
    case at::beginning:
      if (chunk.front() == magic[magic_]) {
        chunk.remove_prefix(1);
        if (++magic_ < magic.size())
          break;
        if (auto begun = begin_member(); !begun)
          return begun;
        break;
      }
      at_ = at::plain;
      if (auto given = give(magic.substr(0, std::exchange(magic_, 0)), sink); !given)
        return given;
      break;
    case at::member:
      if (auto done = inflate_member(chunk, sink); !done)
        return done;
      break;
    case at::between:
      if (magic_ == 0 && chunk.front() == '\0') {
        at_ = at::padding;
        break;
      }
      if (chunk.front() != magic[magic_])
        return damaged("something else stands behind its end");
      chunk.remove_prefix(1);
      if (++magic_ == magic.size())
        if (auto begun = begin_member(); !begun)
          return begun;
      break;
    case at::padding:
      if (chunk.find_first_not_of('\0') != std::string_view::npos)
        return damaged("something else stands behind its end");
      return ok();
    }
  }
  return ok();
}

result<void> unpacker::give(std::string_view bytes, const plain_sink& sink) {
  if (bytes.empty())
    return ok();
  given_ += static_cast<std::int64_t>(bytes.size());
  return sink(bytes);
}

// The two bytes of the magic number have been taken; zlib wants to see them.
result<void> unpacker::begin_member() {
  magic_ = 0;
  at_ = at::member;
  if (!inflater_) {
    auto made = std::make_unique<z_stream>();
    if (inflateInit2(made.get(), gzip_alone) != Z_OK)
      return fail(ec::internal, "zlib could not be set up");
    inflater_.reset(made.release());
    plain_.reset(new char[piece]);
  } else if (inflateReset(inflater_.get()) != Z_OK) {
    return fail(ec::internal, "zlib could not be set up");
  }
  auto first = magic;
  return inflate_member(first, {});
}

result<void> unpacker::inflate_member(std::string_view& chunk, const plain_sink& sink) {
  auto& z = *inflater_;
  for (;;) {
    // A chunk is shorter than 4 GB: whoever reads a file in one piece has more to fear.
    const auto n = std::min<std::size_t>(chunk.size(), std::size_t{1} << 30);
    z.next_in = static_cast<const Bytef*>(static_cast<const void*>(chunk.data()));
    z.avail_in = static_cast<uInt>(n);
    z.next_out = static_cast<Bytef*>(static_cast<void*>(plain_.get()));
    z.avail_out = static_cast<uInt>(piece);
    const int how = ::inflate(&z, Z_NO_FLUSH);
    if (how != Z_OK && how != Z_STREAM_END && how != Z_BUF_ERROR)
      return how == Z_MEM_ERROR ? fail(ec::internal, "zlib: out of memory")
                                : damaged(z.msg != nullptr ? z.msg : "it cannot be unpacked");
    chunk.remove_prefix(n - z.avail_in);
    const auto made = piece - z.avail_out;
    if (given_ + static_cast<std::int64_t>(made) > most_bytes_)
      return fail(ec::bad_request, "the gzip file unpacks to more than " + std::to_string(most_bytes_) + " bytes");
    if (auto given = give({plain_.get(), made}, sink); !given)
      return given;
    if (how == Z_STREAM_END) {
      at_ = at::between;
      return ok();
    }
    if (chunk.empty() && z.avail_out > 0)
      return ok();
  }
}

} // namespace troupe
