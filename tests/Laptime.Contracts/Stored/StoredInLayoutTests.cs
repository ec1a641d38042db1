using Laptime.Artifacts;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Transactions.Stored;

namespace Laptime.Contracts.Stored;

public sealed class StoredInLayoutTests : StoredContract
{
    protected override bool IsShared => false;

    private string Store => Path.Combine(Root, ".laptime", "artifacts");

    protected override ArtifactStore Open() => Layout();

    protected override string FileOf(Digest digest) => Path.Combine(Store, "blobs", "sha256", digest.ToHex());

    [Fact]
    public async Task Nothing_is_removed_while_another_lap_uses_the_store()
    {
        var other = Layout();
        var web = await PutAsync(other, "web", "web", 90);
        var fault = await Assert.ThrowsAsync<FaultException>(() => Layout().AloneAsync(TimeSpan.Zero, Cancel));
        Assert.Equal(Outcome.Locked, fault.Fault.Outcome);
        Assert.Contains("another lap uses the store", fault.Message, StringComparison.Ordinal);

        // Alone it is only once the other is gone; then nobody finds anything until the pruning ends.
        Task<Digest?> finding;
        using (await other.AloneAsync(TimeSpan.Zero, Cancel))
        {
            finding = Layout().FindAsync(web.Fingerprint, Cancel);
            Assert.False(finding.IsCompleted);
            await new Pruner(other).RunAsync(await PlanAsync(other, keep: 0, olderThan: 30), Cancel);
        }

        Assert.Null(await finding);
    }

    [Fact]
    public async Task What_a_question_reads_is_not_written_to()
    {
        await PutAsync(Layout(), "web", "web", 1);
        File.Delete(Path.Combine(Store, "use"));
        var before = Directory.EnumerateFiles(Store, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToList();
        Assert.Single(await ListAsync(Layout()));
        Assert.NotNull(await Layout().FindAsync((await ListAsync(Layout()))[0].Fingerprint, Cancel));
        Assert.Equal(before, Directory.EnumerateFiles(Store, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Unreferenced_blobs_and_what_killed_writers_left_go_and_other_tools_manifests_stay()
    {
        var store = Layout();
        var web = await PutAsync(store, "web", "web", 1);
        var foreign = StoredManifest.Read((await store.GetManifestAsync(web.Artifact, Cancel))!.Bytes.ToArray().Append((byte)'\n').ToArray(), null, "test");
        await store.PutManifestAsync(foreign, ["v1.2"], Cancel);
        var orphan = await store.PutBlobAsync("text/plain", "nobody's"u8.ToArray(), Cancel);
        var left = Path.Combine(Store, "tmp", "0123");
        await File.WriteAllTextAsync(left, "half", Cancel);
        File.SetLastWriteTimeUtc(left, DateTime.UtcNow.AddHours(-1));
        var young = Path.Combine(Store, "tmp", "4567");
        await File.WriteAllTextAsync(young, "just begun", Cancel);

        var plan = await PlanAsync(store, keep: 5, olderThan: null);
        Assert.Equal([orphan.Digest], plan.Blobs.Select(b => b.Digest));
        Assert.Equal([left], plan.Leftovers);
        Assert.Equal("nobody's".Length + "half".Length, plan.Bytes);
        await RunAsync(store, plan);
        Assert.False(File.Exists(FileOf(orphan.Digest)) || File.Exists(left));
        Assert.True(File.Exists(young));
        Assert.NotNull(await Layout().GetManifestAsync("v1.2", Cancel));
        Assert.True(await Layout().HasAsync(web.Artifact, Cancel));
    }

    [Fact]
    public async Task A_tainted_artifact_that_serves_stays_although_no_tag_leads_to_it()
    {
        var store = Layout();
        var web = await PutAsync(store, "web", "tainted", 90);
        await store.UntagAsync(web.Fingerprint, Cancel);
        Deployed("local", "web", web);
        var plan = await PlanAsync(store, keep: 0, olderThan: null);
        Assert.True(plan.IsEmpty);
        Assert.Equal(["local"], Assert.Single(await ListAsync(store)).DeployedIn);
    }

    [Fact]
    public async Task What_a_deployed_artifact_was_built_with_stays_although_no_tag_leads_to_it()
    {
        var store = Layout();
        var lib = await PutAsync(store, "lib", "fetched, not built", 90);
        Deployed("local", "web", await PutAsync(store, "web", "web", 90, uses: lib));
        await store.UntagAsync(lib.Fingerprint, Cancel);
        Assert.True((await PlanAsync(store, keep: 0, olderThan: null)).IsEmpty);
    }

    [Fact]
    public async Task While_a_manifest_that_stays_is_damaged_no_blob_is_removed()
    {
        var store = Layout();
        var web = await PutAsync(store, "web", "web", 1);
        Deployed("local", "web", web);
        await File.WriteAllTextAsync(FileOf(web.Artifact), "{", Cancel);
        var plan = await PlanAsync(Layout(), keep: 0, olderThan: null);
        Assert.Empty(plan.Blobs);
        Assert.NotNull(plan.Note);
    }

    [Fact]
    public async Task Records_that_cannot_be_read_end_it_and_a_target_that_cannot_be_read_keeps_what_it_had()
    {
        var store = Layout();
        var web = await PutAsync(store, "web", "web", 90);
        await store.RecordOriginAsync(web.Fingerprint, (await store.OriginAsync(web.Fingerprint, Cancel))! with { DeliveredTo = ["staging"] }, Cancel);
        var deployments = await DeploymentsAsync(new AskedEnvironment("staging", _ => throw new FaultException(new Fault(Outcome.RolloutFailed, "no engine answers"))));
        Assert.Equal(["staging: no engine answers"], deployments.Unread);
        Assert.Equal("was deployed to staging, which cannot be read now", Assert.Single(new PruneRules(0, null, false).Decide(await ListAsync(store), deployments, Workspace(), Clock.GetUtcNow())).Why);

        Directory.CreateDirectory(Folder.Environment("local"));
        await File.WriteAllTextAsync(Path.Combine(Folder.Environment("local"), "state.json"), "{ torn", Cancel);
        Assert.Contains("cannot be read", (await Assert.ThrowsAsync<FaultException>(() => DeploymentsAsync())).Message, StringComparison.Ordinal);
    }

    protected override async Task RunAsync(ArtifactStore store, PrunePlan plan)
    {
        using var alone = await ((OciLayoutStore)store).AloneAsync(TimeSpan.Zero, Cancel);
        await base.RunAsync(store, plan);
    }
}
