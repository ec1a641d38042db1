using Laptime.Processes;
using Laptime.Tests.Engines;

namespace Laptime.Tests.Artifacts.Provenance;

/// <summary>npm's sigstore libraries with tests/Sigstore/verify.mjs.</summary>
internal static class SigstoreLibraries
{
    /// <summary>Skips the test where they cannot be had; fails it when LAP_TEST_REQUIRE names <c>sigstore</c>.</summary>
    public static Task<string> FolderAsync(ProcessRunner runner, CancellationToken cancel) => NpmFolder.InstallAsync("sigstore", Checkout.At("tests", "Sigstore"), ["verify.mjs"], runner, cancel);
}
