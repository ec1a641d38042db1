// Every native call of the engine uses blittable types only: no marshalling stub has to be compiled while the program runs.
[assembly: System.Runtime.CompilerServices.DisableRuntimeMarshalling]
