//! The gRPC queries between services: code generated from `proto/`, and nothing else.

/// Package `tributary.v1`. Its rules (positions, pages, units) stand in `proto/tributary/v1/identity.proto`.
#[expect(clippy::allow_attributes, clippy::too_many_lines, reason = "the generator writes it so")]
pub mod v1 {
    tonic::include_proto!("tributary.v1");
}

/// The encoded `FileDescriptorSet` of every package, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("tributary.v1");
