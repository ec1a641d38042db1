using System.Security.Cryptography;
using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Transactions;
using Laptime.Transactions.Stored;
using Laptime.Workspaces;

namespace Laptime.Contracts.Stored;

/// <summary>Listing, verifying and pruning, on every kind of store.</summary>
public abstract class StoredContract : IAsyncLifetime
{
    private const string Builder = "https://ci.example.org/main";
    private readonly List<IDisposable> opened = [];

    protected string Root { get; } = Directory.CreateTempSubdirectory("lap-stored-").FullName;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected static TimeProvider Clock => TimeProvider.System;

    private static DateTimeOffset Now => Clock.GetUtcNow();

    /// <summary>The layout of the workspace; for a registry its store on this machine.</summary>
    protected OciLayoutStore Layout() => new(Path.Combine(Root, ".laptime", "artifacts"), Clock);

    protected WorkspaceFolder Folder => new(Root);

    protected abstract ArtifactStore Open();

    /// <summary>The file with the bytes of a blob or manifest.</summary>
    protected abstract string FileOf(Digest digest);

    protected abstract bool IsShared { get; }

    public virtual ValueTask InitializeAsync()
    {
        foreach (var name in (string[])["ci", "stranger"])
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            File.WriteAllText(Path.Combine(Root, name + ".pub"), key.ExportSubjectPublicKeyInfoPem());
            File.WriteAllText(Path.Combine(Root, name + ".key"), key.ExportPkcs8PrivateKeyPem());
            File.SetUnixFileMode(Path.Combine(Root, name + ".key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        File.WriteAllText(Path.Combine(Root, "laptime.yaml"), $$"""
            name: shop
            components:
              lib: { path: . }
              web: { path: ., uses: [lib], run: { command: serve, port: 80 } }
            environments: { local: {}, staging: {} }
            trust: [ { source: merge-to-main, builder: {{Builder}}, key: ci.pub, max-age: 10d } ]
            """);
        return default;
    }

    public virtual ValueTask DisposeAsync()
    {
        opened.ForEach(o => o.Dispose());
        Directory.Delete(Root, recursive: true);
        GC.SuppressFinalize(this);
        return default;
    }

    [Fact]
    public async Task A_list_says_what_each_artifact_is_and_where_it_is_deployed()
    {
        var store = Open();
        var lib = await PutAsync(store, "lib", "lib", 3);
        var web = await PutAsync(store, "web", "web", 2, signed: "ci", uses: lib);
        var old = await PutAsync(store, "web", "web, older", 5);
        Deployed("local", "web", old, web);
        var entries = await ListAsync(store);
        Assert.Equal([("lib", lib), ("web", web), ("web", old)], entries.Select(e => (e.Component!, new Put(e.Fingerprint, e.Artifact))));
        var newest = entries[1];
        Assert.Equal(["local"], newest.DeployedIn);
        Assert.Equal(("files", "release"), (newest.Kind, newest.Profile));
        Assert.Equal("ci.pub", Assert.IsType<TrustVerdict.Trusted>(newest.Trust).Rule.Key);
        Assert.Equal(["local"], entries[2].RollbackIn);
        Assert.True(newest.Size > 3 * 512);
        Assert.Equal(2, (Now - newest.BuiltAt!.Value).TotalDays, 0.01);
        Assert.All(entries, e => Assert.Null(e.Flaw));

        Assert.Equal(newest, ArtifactReference.Find(entries, "web", "x"));
        Assert.Equal(old.Artifact, ArtifactReference.Find(entries, old.Artifact.Short, "x").Artifact);
        Assert.Equal(old.Artifact, ArtifactReference.Find(entries, $"web@{old.Artifact.Short}", "x").Artifact);
        Assert.Equal(lib.Artifact, ArtifactReference.Find(entries, ArtifactStore.TagOf(lib.Fingerprint), "x").Artifact);
        Assert.Contains("no artifact wep", Assert.Throws<LapException>(() => ArtifactReference.Find(entries, "wep", "x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pruning_keeps_what_is_deployed_its_rollback_targets_what_they_were_built_with_and_their_attestations()
    {
        var store = Open();
        var lib = await PutAsync(store, "lib", "lib 1", 90);
        var oldLib = await PutAsync(store, "lib", "lib 0", 91);
        var rollback = await PutAsync(store, "web", "web 1", 80, signed: "ci");
        var deployed = await PutAsync(store, "web", "web 2", 70, signed: "ci", uses: lib);
        var staged = await PutAsync(store, "web", "web 3", 60);
        var gone = await PutAsync(store, "web", "web 4", 50, signed: "ci");
        var young = await PutAsync(store, "web", "web 5", 1, signed: "ci");
        Deployed("local", "web", rollback, deployed);
        Deployed("staging", "web", staged);
        Deployed("of-an-environment-that-left-the-file", "web", await PutAsync(store, "web", "web 6", 55));

        var before = await store.ListTagsAsync(Cancel);
        var plan = await PlanAsync(store, keep: 0, olderThan: 30);
        Assert.Equal([gone, oldLib], plan.Going.Select(e => new Put(e.Fingerprint, e.Artifact)).OrderBy(p => p == oldLib));
        Assert.Equal([Attestation.TagOf(gone.Fingerprint)], plan.Attestations);
        Assert.True(plan.Bytes > 2 * 512);
        // A plan is a question.
        Assert.Equal(before, await store.ListTagsAsync(Cancel));
        Assert.All(await ListAsync(store), e => Assert.Null(e.Flaw));

        await RunAsync(store, plan);
        var entries = await ListAsync(Open());
        Assert.Equal(before.Except([ArtifactStore.TagOf(gone.Fingerprint), Attestation.TagOf(gone.Fingerprint), ArtifactStore.TagOf(oldLib.Fingerprint)]), await Open().ListTagsAsync(Cancel));
        Assert.Equal(6, entries.Count);
        var check = new ArtifactCheck(Open(), needsProvenance: false);
        foreach (var entry in entries)
        {
            Assert.Null(entry.Flaw);
            Assert.Empty((await check.RunAsync(entry, Cancel)).Damaged);
        }

        Assert.IsType<TrustVerdict.Trusted>(entries.Single(e => e.Fingerprint == young.Fingerprint).Trust);
        Assert.NotNull(entries.Single(e => e.Fingerprint == rollback.Fingerprint).Attestation);
        Assert.Null(await Open().GetManifestAsync(gone.Artifact, Cancel));
        Assert.True((await PlanAsync(Open(), keep: 0, olderThan: 30)).IsEmpty);
    }

    [Fact]
    public async Task The_newest_of_each_component_under_each_profile_stay()
    {
        var store = Open();
        foreach (var (profile, age) in (IEnumerable<(string, int)>)[("release", 4), ("release", 3), ("release", 2), ("fast", 9), ("fast", 8)])
        {
            await PutAsync(store, "web", $"{profile} {age}", age, profile: profile);
        }

        var plan = await PlanAsync(store, keep: 1, olderThan: null);
        Assert.Equal([("fast", "1 newer of web (fast)"), ("release", "1 newer of web (release)"), ("release", "2 newer of web (release)")],
            plan.Decisions.Where(d => d.Goes).Select(d => (d.Entry.Profile!, d.Why)).Order());
    }

    [Fact]
    public async Task Two_fingerprints_of_one_artifact_are_not_torn_apart()
    {
        var store = Open();
        var one = await PutAsync(store, "web", "same", 50, inputs: "1");
        var two = await PutAsync(store, "web", "same", 2, inputs: "2");
        Assert.Equal(one.Artifact, two.Artifact);
        await RunAsync(store, await PlanAsync(store, keep: 1, olderThan: 30));
        Assert.Equal(two.Artifact, await Open().FindAsync(two.Fingerprint, Cancel));
        Assert.True(await Open().HasAsync(two.Artifact, Cancel));
    }

    [Fact]
    public async Task Verifying_says_of_each_artifact_why_it_would_be_refused()
    {
        var store = Open();
        await PutAsync(store, "web", "good", 1, signed: "ci");
        await PutAsync(store, "web", "old", 20, signed: "ci");
        await PutAsync(store, "web", "strange", 1.1, signed: "stranger");
        await PutAsync(store, "web", "from a branch", 1.2, signed: "ci", source: "branch");
        await PutAsync(store, "web", "dirty", 1.3, signed: "ci", dirty: true);
        await PutAsync(store, "web", "unsigned", 1.4);
        var moved = await PutAsync(store, "web", "moved", 1.5, signed: "ci");
        await store.TagAsync(moved.Fingerprint, (await PutAsync(store, "lib", "another", 30, signed: "ci")).Artifact, Cancel);

        var results = await VerifyAsync(store, needsProvenance: true);
        Assert.Equal(["expired", "verified", "untrusted", "untrusted", "dirty-tree", "missing", "tampered", "expired"], results.OrderBy(r => r.Entry.Component == "lib").ThenBy(r => Order(r)).Select(r => r.Status)
            .Prepend(results.Single(r => r.Entry.Component == "lib").Status).Take(8));
        Assert.Contains("the tag leads to", results.Single(r => r.Status == "tampered").Detail, StringComparison.Ordinal);
        Assert.All(results.Where(r => !r.IsGood), r => Assert.NotNull(r.Mend));
        // The workspace's own builds need nobody's word; one that has it is judged nonetheless.
        Assert.Contains(await VerifyAsync(store, needsProvenance: false), r => r.Status == "intact" && r.IsGood);

        static int Order(CheckedArtifact r) => Array.FindIndex((string[])["verified", "untrusted", "dirty-tree", "missing", "tampered", "expired"], s => s == r.Status);
    }

    [Fact]
    public async Task One_flipped_byte_is_found_in_a_blob_a_manifest_and_an_attestation()
    {
        var store = Open();
        var web = await PutAsync(store, "web", "web", 1, signed: "ci");
        var manifest = (await store.GetManifestAsync(web.Artifact, Cancel))!;
        var attestation = (await store.GetManifestAsync(Attestation.TagOf(web.Fingerprint), Cancel))!;
        Assert.Equal("verified", Assert.Single(await VerifyAsync(Open(), needsProvenance: true)).Status);
        foreach (var digest in (Digest[])[manifest.Blobs[1].Digest, web.Artifact, attestation.Descriptor.Digest, attestation.Blobs[1].Digest])
        {
            Flip(FileOf(digest));
            var result = Assert.Single(await VerifyAsync(Open(), needsProvenance: true));
            Assert.Equal(("tampered", false), (result.Status, result.IsGood));
            Assert.NotEmpty(result.Damaged);
            if (!IsShared)
            {
                Assert.Contains(result.Damaged, d => d.Where == FileOf(digest) && d.Digest == digest);
            }

            Assert.Equal(web.Artifact, result.Entry.Artifact);
            Flip(FileOf(digest));
        }

        Assert.Equal("verified", Assert.Single(await VerifyAsync(Open(), needsProvenance: true)).Status);
    }

    protected sealed record Put(Digest Fingerprint, Digest Artifact);

    protected async Task<Put> PutAsync(
        ArtifactStore store, string component, string text, double days, string? signed = null, Put? uses = null, string profile = "release", string? inputs = null, string source = "merge-to-main", bool dirty = false)
    {
        var file = Path.Combine(Root, Guid.NewGuid().ToString("N"));
        await File.WriteAllTextAsync(file, text, Cancel);
        var fingerprint = ComponentFingerprint.Of(component, [
            new FingerprintPart(PartKind.File, "x", "file:" + Digest.Of(inputs ?? text)), .. uses is null ? (FingerprintPart[])[] : [new FingerprintPart(PartKind.Uses, "lib", uses.Artifact.ToString())]]);
        var artifact = await store.StoreAsync([new OutputFile("index.html", file, false, null)], fingerprint.Value, Cancel);
        var built = Now.AddDays(-days);
        await store.RecordOriginAsync(fingerprint.Value, new ArtifactOrigin("tx-20261121-110329-7f3a9c", built, built) { Component = component, Profile = profile }, Cancel);
        Directory.CreateDirectory(Path.Combine(Root, "parts"));
        FingerprintRecord.Save(Path.Combine(Root, "parts", fingerprint.Value.ToHex()), fingerprint);
        if (signed is not null)
        {
            var provenance = new BuildProvenance
            {
                Component = component, Artifact = artifact, Fingerprint = fingerprint.Value, Builder = Builder, Invocation = "tx-20261121-110329-7f3a9c", Started = built, Finished = built, Profile = profile,
                Loop = Loop.Safe, Dirty = dirty, InputCount = 1, InputsDigest = Digest.Of("x"), LapVersion = "0", Uses = uses is null ? [] : [new UsedArtifact("lib", uses.Artifact)],
                Source = new SourceEvent
                {
                    Event = source, Repository = "git+https://example.org/shop", Ref = "refs/heads/main", Commit = new string('a', 40), CommittedAt = built, Evidence = "a test",
                },
            };
            using var key = SigningKey.FromFile(Path.Combine(Root, signed + ".key"));
            var attestation = await Attestation.SignAsync(provenance, (await store.GetManifestAsync(artifact, Cancel))!.Descriptor, key, built, Cancel);
            foreach (var (descriptor, content) in attestation.Blobs)
            {
                await store.PutBlobAsync(descriptor.MediaType, content, Cancel);
            }

            await store.PutManifestAsync(StoredManifest.Read(attestation.Manifest, null, "test"), [Attestation.TagOf(fingerprint.Value)], Cancel);
        }

        return new Put(fingerprint.Value, artifact);
    }

    /// <summary>Verified one after the other: the last one is what is deployed.</summary>
    protected void Deployed(string environment, string component, params Put[] history)
    {
        var folder = Folder.Environment(environment);
        Folder.Create();
        Directory.CreateDirectory(folder);
        foreach (var (fingerprint, artifact) in history)
        {
            new StateStore(folder).Verified(new DeployedRecord { Component = component, Fingerprint = fingerprint, Artifact = artifact, DeploymentKey = artifact, Transaction = "tx", At = Now });
            File.Copy(Path.Combine(Root, "parts", fingerprint.ToHex()), Path.Combine(folder, $"{component}.{fingerprint.ToHex()[..16]}.fingerprint"), overwrite: true);
        }
    }

    protected Workspace Workspace() => WorkspaceFile.Load(Path.Combine(Root, "laptime.yaml"), _ => null);

    protected Task<Deployments> DeploymentsAsync(params AskedEnvironment[] asked) =>
        Deployments.ReadAsync(Workspace(), Folder, asked.Length > 0 ? asked : [new("local", null), new("staging", null)], Cancel);

    protected async Task<IReadOnlyList<ArtifactEntry>> ListAsync(ArtifactStore store)
    {
        var trust = TrustPolicy.Load(Workspace(), Clock);
        opened.Add(trust);
        return await new ArtifactCatalog(store, trust, await DeploymentsAsync(), _ => null).ReadAsync(Cancel);
    }

    protected async Task<PrunePlan> PlanAsync(ArtifactStore store, int keep, double? olderThan)
    {
        var deployments = await DeploymentsAsync();
        var decisions = new PruneRules(keep, olderThan is { } days ? TimeSpan.FromDays(days) : null, IsShared).Decide(await ListAsync(store), deployments, Workspace(), Now);
        return await new Pruner(store).PlanAsync(decisions, deployments.All.Select(d => d.Artifact).Concat(deployments.Used), Cancel);
    }

    protected virtual async Task RunAsync(ArtifactStore store, PrunePlan plan) => await new Pruner(store).RunAsync(plan, Cancel);

    private async Task<IReadOnlyList<CheckedArtifact>> VerifyAsync(ArtifactStore store, bool needsProvenance)
    {
        var check = new ArtifactCheck(store, needsProvenance);
        var results = new List<CheckedArtifact>();
        foreach (var entry in await ListAsync(store))
        {
            results.Add(await check.RunAsync(entry, Cancel));
        }

        return results;
    }

    private static void Flip(string file)
    {
        var bytes = File.ReadAllBytes(file);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(file, bytes);
    }
}
