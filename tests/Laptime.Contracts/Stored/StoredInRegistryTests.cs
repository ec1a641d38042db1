using Laptime.Artifacts;
using Laptime.Fingerprints;
using Laptime.Processes;
using Laptime.Targets.Registry;
using Laptime.Workspaces;

namespace Laptime.Contracts.Stored;

/// <summary>On Debian's docker-registry, as the workspace's own.</summary>
public sealed class StoredInRegistryTests : StoredContract
{
    private LocalRegistry? registry;
    private RegistryAddress? address;
    private readonly List<OciRegistryStore> stores = [];

    protected override bool IsShared => true;

    public override async ValueTask InitializeAsync()
    {
        Registries.LocalRegistryTests.SkipWithoutProgram();
        await base.InitializeAsync();
        var endpoint = new RegistryEndpoint("127.0.0.1", Registries.LocalRegistryTests.FreePort(), true);
        registry = new LocalRegistry(Folder, endpoint, new ProcessRunner(Clock), Clock);
        await registry.EnsureAsync(Cancel);
        address = RegistryAddress.Parse($"oci://{endpoint}/shop");
    }

    public override async ValueTask DisposeAsync()
    {
        stores.ForEach(s => s.Dispose());
        if (registry is not null)
        {
            await registry.StopAsync(CancellationToken.None);
        }

        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected override ArtifactStore Open()
    {
        var store = new OciRegistryStore(address!, Layout(), new RegistryOptions(), new ProcessRunner(Clock), Clock);
        stores.Add(store);
        return store;
    }

    protected override string FileOf(Digest digest)
    {
        var hex = digest.ToHex();
        return Path.Combine(registry!.Data, "docker", "registry", "v2", "blobs", "sha256", hex[..2], hex, "data");
    }

    [Fact]
    public async Task What_is_not_of_this_workspace_stays()
    {
        var store = Open();
        await PutAsync(store, "another-workspace", "x", 90);
        Assert.Equal("not of a component of this workspace", Assert.Single((await PlanAsync(store, keep: 0, olderThan: null)).Decisions).Why);
    }
}
