// How objects look on S3's wire: metadata as header fields, lists and errors as XML.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
#pragma once

#include "messages/types.hpp"
#include "storage/objects.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage::s3 {

/// The header fields of a put. Custom names travel in lower case (fields have no case); if one has capitals, a field
/// x-amz-meta-troupe-names gives them back. A custom value that is not ASCII travels as one RFC 2047 word, as S3's own
/// console and SDKs have it.
[[nodiscard]] fields to_headers(const put_options& options);

/// What the fields of an answer (names in lower case) say of an object.
[[nodiscard]] object_info from_headers(std::string_view key, const fields& headers);

/// An ETag without its quotes.
[[nodiscard]] std::string unquoted(std::string_view etag);

/// The first and the last byte and the size, of "bytes 2-4/10"; none when it is no such field.
struct content_range {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t size = 0;
};
[[nodiscard]] std::optional<content_range> parse_content_range(std::string_view text);

/// An answer of ListObjectsV2; none when it is not one.
[[nodiscard]] std::optional<object_list> parse_list(std::string_view xml);

/// An <Error>: its code and message; empty when the text is none.
struct s3_error {
  std::string code;
  std::string message;
};
[[nodiscard]] s3_error parse_error(std::string_view xml);

/// The text of one element of an answer's root ("UploadId", "ETag"); empty when there is none.
[[nodiscard]] std::string root_text(std::string_view xml, std::string_view element);

/// The body of CompleteMultipartUpload. Part numbers from 1 in this order.
[[nodiscard]] std::string complete_upload(const std::vector<std::string>& etags);

} // namespace troupe::storage::s3
