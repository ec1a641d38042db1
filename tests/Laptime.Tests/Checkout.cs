namespace Laptime.Tests;

/// <summary>The folder that these tests were built from.</summary>
internal static class Checkout
{
    public static string Root { get; } = FindRoot();

    public static string At(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Laptime.slnx")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("these tests run from a checkout");
        }

        return folder.FullName;
    }
}
