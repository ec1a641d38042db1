using Laptime.Foundations;

namespace Laptime.Recipes;

/// <summary>What was written is changed and deleted, the backup is restored in place, and then everything has to be as it was backed up.</summary>
internal static class RestoreTier
{
    /// <summary>Items that every seeder writes after the install, each by what happens to it between backup and restore.</summary>
    public const string Kept = "kept";
    public const string Changed = "changed";
    public const string Deleted = "deleted";

    /// <summary>Written after the backup.</summary>
    private const string Later = "later";

    public static async Task RunAsync(Stage stage, BackupFacts backup, TierRun tier, CancellationToken cancel)
    {
        var covered = BackupTier.Covered(stage);
        var gone = new HashSet<Seeder>();
        using (var segment = tier.Begin("mutate"))
        {
            foreach (var seeder in covered)
            {
                await MutateAsync(stage, seeder, gone, tier, cancel);
            }

            segment.End();
        }

        if (!await BackupTier.HooksAsync(stage, backup, HookMoment.BeforeRestore, tier, cancel))
        {
            return;
        }

        using (var segment = tier.Begin("restore"))
        {
            foreach (var volume in backup.Volumes.Keys)
            {
                var file = File.OpenRead(stage.FileOf(volume));
                await using (file.ConfigureAwait(false))
                {
                    await stage.Driver.PutAsync(volume, file, cancel);
                }
            }

            segment.End();
        }

        if (!await BackupTier.HooksAsync(stage, backup, HookMoment.AfterRestore, tier, cancel))
        {
            return;
        }

        if (await stage.Driver.StandAsync(stage.Present, tier.Timeline, tier.Segment, cancel) is { } fault)
        {
            tier.Break(fault);
            return;
        }

        var picture = await stage.Driver.ObserveAsync(cancel);
        tier.VerifiedVersion = picture.Version;
        InstallTier.Standing(stage.Facts, picture, tier);
        using (var segment = tier.Begin("assert"))
        {
            foreach (var seeder in covered)
            {
                await AssertAsync(stage, seeder, gone.Contains(seeder), tier, cancel);
            }

            segment.End();
        }

        if (covered.Count == 0)
        {
            tier.Unverify("nothing was seeded that the backup held, so that it came back is not shown", "give `seed: { put, get }` in recipe.yaml: two small programs that write and read an item");
        }

        await stage.AssertAsync(tier, cancel);
    }

    private static async Task MutateAsync(Stage stage, Seeder seeder, HashSet<Seeder> gone, TierRun tier, CancellationToken cancel)
    {
        var other = stage.Value("mutation");
        await seeder.PutAsync(new Dictionary<string, string> { [Changed] = other, [Later] = other }, cancel);
        var deletes = await seeder.DeleteAsync(Deleted, cancel);
        var found = await seeder.GetAsync([Changed, Deleted], cancel);
        tier.Check(found.GetValueOrDefault(Changed) == other, $"an item ({seeder.Name}) was changed after the backup", $"the item ({seeder.Name}) could not be changed, so a restore would show nothing");
        if (deletes && tier.Check(!found.ContainsKey(Deleted), $"an item ({seeder.Name}) was deleted after the backup", $"the item ({seeder.Name}) could not be deleted"))
        {
            gone.Add(seeder);
        }
    }

    private static async Task AssertAsync(Stage stage, Seeder seeder, bool deleted, TierRun tier, CancellationToken cancel)
    {
        const string Cure = "restoring has to load what was backed up: a hook `restore.post-hook` that reads the dump, or a service that reads its files again";
        var found = await seeder.GetAsync([.. stage.Seeds.Keys, Later], cancel);
        tier.Check(IsBack(Changed), $"the changed item ({seeder.Name}) is as it was backed up",
            found.ContainsKey(Changed) ? $"the restore restored nothing: the item ({seeder.Name}) still has what was written after the backup" : $"the changed item ({seeder.Name}) is gone after the restore", Cure);
        tier.Check(IsBack(Kept), $"the untouched item ({seeder.Name}) is there", $"the untouched item ({seeder.Name}) was lost by the restore", Cure);
        if (deleted)
        {
            tier.Check(IsBack(Deleted), $"the deleted item ({seeder.Name}) came back", $"the deleted item ({seeder.Name}) did not come back", Cure);
        }

        tier.Saw(found.ContainsKey(Later) ? $"what was written after the backup ({seeder.Name}) stays: files are laid over, not swapped" : $"what was written after the backup ({seeder.Name}) is gone");
        bool IsBack(string name) => found.GetValueOrDefault(name) == stage.Seeds[name];
    }
}
