using Laptime.Artifacts;
using Laptime.Artifacts.Images;
using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Targets.Docker;

/// <summary>Brings a component's image into the engine and names it by its id, which never leads anywhere else.</summary>
internal sealed class DockerImages(EngineClient engine, string workspace)
{
    private const int LargestConfig = 4 << 20;

    /// <summary>Bytes of a base below which sending it is quicker than asking for it.</summary>
    private const int WorthAsking = 4 << 20;
    private const int ImagesAsked = 16;
    private static readonly TimeSpan PullBound = TimeSpan.FromMinutes(15);

    /// <exception cref="FaultException">There is no such image, or it cannot be brought here (rollout-failed).</exception>
    public async Task<ImageInspect> EnsureAsync(RolloutRequest request, RunSettings run, CancellationToken cancel)
    {
        if (run.Image is { } fixedImage)
        {
            return await FixedAsync(request.Component, fixedImage, run.Stack.Count > 0, cancel);
        }

        return request.Component.Build.Image is not null && request.Store is { } store
            ? await BuiltAsync(store, request, cancel)
            : throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"{request.Component.Name} has no image that could run in Docker", request.Component.At.ToString(), "give it `build.image`, or `run.image: repo@sha256:...`"));
    }

    /// <summary>
    /// Takes the names away that earlier images of the component were loaded under, so that the engine's disk does not fill: those of <paramref name="kept"/> stay, for the next rollout and
    /// the way back. Whatever cannot be removed stays too.
    /// </summary>
    public async Task PruneAsync(string component, IReadOnlyCollection<string> kept, CancellationToken cancel)
    {
        var repository = RepositoryOf(component);
        foreach (var image in await engine.ListImagesAsync(repository, cancel))
        {
            foreach (var name in kept.Contains(image.Id) ? [] : image.RepoTags?.Where(t => t.StartsWith(repository + ":", StringComparison.Ordinal)) ?? [])
            {
                try
                {
                    await engine.RemoveImageAsync(name, cancel);
                }
                catch (EngineException e) when (e.Error == EngineError.Conflict)
                {
                    // Something else runs it.
                }
            }
        }
    }

    /// <summary>What the engine calls the images of a component. The name only keeps them from being pruned; what runs is the id.</summary>
    public string RepositoryOf(string component)
    {
        string Part(string text) => DockerLabels.NamePart(text) is var name && name == text && !name.Any(char.IsAsciiLetterUpper) && !name.Contains('_') && !name.EndsWith('-')
            ? name
            : $"x{Fingerprints.Digest.Of(text).Short}";
        return $"laptime/{Part(workspace)}/{Part(component)}";
    }

    private async Task<ImageInspect> BuiltAsync(ArtifactStore store, RolloutRequest request, CancellationToken cancel)
    {
        var stored = await store.GetManifestAsync(request.Artifact, cancel)
            ?? throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"{request.Component.Name}: the image {request.Artifact.Short} is not in the store", store.Name, $"lap deploy --force {request.Component.Name} builds it again"));
        var manifest = stored.ToManifest();
        var config = manifest.Config;
        if (await engine.InspectImageAsync(config.Digest.ToString(), cancel) is { } here)
        {
            return here;
        }

        var name = $"{RepositoryOf(request.Component.Name)}:{request.Artifact.Short}";
        var diffs = ImageConfig.DiffIds(await store.ReadBlobAsync(config, LargestConfig, cancel));
        if (diffs.Count == manifest.Layers.Count && manifest.Layers.SkipLast(1).Sum(static l => l.Size) > WorthAsking
            && await PresentAsync(request.Component.Name, diffs, cancel) is > 0 and var present)
        {
            try
            {
                await engine.LoadImageAsync((stream, token) => ImageArchive.WriteAsync(store, request.Artifact, name, present, stream, token), cancel);
                if (await engine.InspectImageAsync(config.Digest.ToString(), cancel) is { } put)
                {
                    return put;
                }
            }
            catch (EngineException e) when (e.Error is EngineError.Failed or EngineError.NotFound or EngineError.BadRequest)
            {
                // A layer went meanwhile, or this engine wants them all.
            }
        }

        await engine.LoadImageAsync((stream, token) => ImageArchive.WriteAsync(store, request.Artifact, name, stream, token), cancel);
        if (await engine.InspectImageAsync(config.Digest.ToString(), cancel) is { } loaded)
        {
            return loaded;
        }

        // An engine with containerd's store knows it by another digest: the layers say whether it is the one that was loaded.
        return await engine.InspectImageAsync(name, cancel) is { } named && diffs.SequenceEqual(named.RootFS?.Layers ?? [], StringComparer.Ordinal)
            ? named
            : throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"{request.Component.Name}: the engine took the image {request.Artifact.Short}, and does not have it", $"{engine.Endpoint}", "see the engine's log (journalctl -u docker)"));
    }

    /// <summary>How many of an image's lowest layers the engine has, by the images of this workspace that it has: a base is brought into it once.</summary>
    private async Task<int> PresentAsync(string component, IReadOnlyList<string> diffs, CancellationToken cancel)
    {
        var repository = RepositoryOf(component);
        var present = 0;
        // The component's own first: what it was before stands on the same base.
        foreach (var image in (await engine.ListImagesAsync(repository[..repository.LastIndexOf('/')] + "/*", cancel))
            .OrderBy(i => i.RepoTags?.Any(t => t.StartsWith(repository + ":", StringComparison.Ordinal)) == true ? 0 : 1).DistinctBy(static i => i.Id).Take(ImagesAsked))
        {
            var layers = (await engine.InspectImageAsync(image.Id, cancel))?.RootFS?.Layers ?? [];
            present = Math.Max(present, layers.Zip(diffs).TakeWhile(static l => l.First == l.Second).Count());
            if (present >= diffs.Count - 1)
            {
                break;
            }
        }

        return present;
    }

    /// <summary>The digest of a fixed image: as its registry knows it, else the id of its content.</summary>
    public async Task<Fingerprints.Digest> DigestOfAsync(Component component, RunSettings run, CancellationToken cancel)
    {
        var image = await FixedAsync(component, run.Image!, run.Stack.Count > 0, cancel);
        return image.RepoDigests?.Select(FixedImage.DigestOf).FirstOrDefault(static d => !d.IsNone) is { IsNone: false } named ? named : DockerLabels.DigestOf(image.Id);
    }

    /// <param name="movable">It may be written without a digest, as compose files do: then what the engine has under that name now is what runs, by its id.</param>
    private async Task<ImageInspect> FixedAsync(Component component, string reference, bool movable, CancellationToken cancel)
    {
        if (!movable && !IsPinned(reference))
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"{component.Name}: the image {reference} is not pinned by digest: what it leads to may change unseen", component.At.ToString(),
                "write repo@sha256:... (docker image inspect --format '{{index .RepoDigests 0}}' IMAGE prints it)"));
        }

        if (await engine.InspectImageAsync(reference, cancel) is { } here)
        {
            return here;
        }

        if (reference.StartsWith("sha256:", StringComparison.Ordinal))
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"{component.Name}: the engine has no image {reference}", component.At.ToString(), "load it first, or name it repo@sha256:..., which can be pulled"));
        }

        try
        {
            await engine.PullImageAsync(reference, engine.Accounts is { } accounts ? await accounts.OfAsync(reference, cancel) : null, PullBound, cancel);
        }
        catch (EngineException e)
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"{component.Name}: the image {reference} cannot be had: {e.Fault.What}", component.At.ToString(),
                "correct the reference, or see whether the engine reaches the registry (docker pull)"), e);
        }

        return await engine.InspectImageAsync(reference, cancel)
            ?? throw new FaultException(new Fault(Outcome.RolloutFailed, $"{component.Name}: {reference} was pulled, but the engine does not have it", component.At.ToString()));
    }

    /// <summary>By digest, or the id itself.</summary>
    public static bool IsPinned(string reference) => !FixedImage.DigestOf(reference).IsNone;
}
