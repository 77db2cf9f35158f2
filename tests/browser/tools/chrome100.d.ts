// What Chrome 100 has although the types of that spring leave it out: no second browser had it then.
interface CompressionStream extends GenericTransformStream {}
declare const CompressionStream: { new (format: "gzip" | "deflate"): CompressionStream };
interface DecompressionStream extends GenericTransformStream {}
declare const DecompressionStream: { new (format: "gzip" | "deflate"): DecompressionStream };
