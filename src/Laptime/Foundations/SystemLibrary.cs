namespace Laptime.Foundations;

/// <summary>Where the system's calls are found on the no-op path.</summary>
public static class SystemLibrary
{
    /// <summary>
    /// The runtime's own native library (Linux), which is in memory already and leads to the C library that it is linked with, whichever that is: looked for as "libc" it is found only at the
    /// seventh name that the runtime tries.
    /// </summary>
    public const string Name = "libSystem.Native";
}
